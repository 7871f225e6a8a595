//! Two samples counted into the same bins.

use crate::CheckError;

/// A numeric sample with more distinct reference values than this is binned; with fewer, each value is a category.
const DISTINCT_VALUES_MAX: usize = 20;

/// The share of each sample in each bin: `reference[i]` and `current[i]` belong to the same bin, and each sums to 1.
#[derive(Debug)]
pub(crate) struct Shares {
    pub reference: Vec<f64>,
    pub current: Vec<f64>,
}

/// Counts two non-empty samples of finite values into common bins.
pub(crate) fn shares(reference: &[f64], current: &[f64]) -> Result<Shares, CheckError> {
    let reference = sorted(reference);
    let current = sorted(current);
    let counts = if distinct(&reference) > DISTINCT_VALUES_MAX {
        let edges = sturges_edges(&reference, &current)?;
        (count(&reference, &edges), count(&current, &edges))
    } else {
        by_value(&reference, &current)
    };
    let normalise = |counts: Vec<usize>, n: usize| counts.into_iter().map(|c| c as f64 / n as f64).collect();
    Ok(Shares {
        reference: normalise(counts.0, reference.len()),
        current: normalise(counts.1, current.len()),
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn distinct(sorted: &[f64]) -> usize {
    sorted.chunk_by(|a, b| a == b).count()
}

/// Equally wide bins over both samples, as many as Sturges' rule asks for. Written with the operations that NumPy's
/// `histogram_bin_edges(bins="sturges")` does, in its order, so that a value on an edge falls on the same side.
fn sturges_edges(reference: &[f64], current: &[f64]) -> Result<Vec<f64>, CheckError> {
    let first = reference[0].min(current[0]);
    let last = reference[reference.len() - 1].max(current[current.len() - 1]);
    let range = last - first;
    if !range.is_finite() {
        return Err(CheckError::Undefined {
            metric: "PSI",
            why: "the range of the values exceeds what a double holds",
        });
    }
    let rows = (reference.len() + current.len()) as f64;
    let width = range / (rows.log2() + 1.0);
    let bins = if width > 0.0 { (range / width).ceil() } else { 1.0 };
    let step = range / bins;
    let mut edges: Vec<f64> = (0..=bins as usize).map(|edge| edge as f64 * step + first).collect();
    if let Some(end) = edges.last_mut() {
        *end = last;
    }
    Ok(edges)
}

/// How many values lie in each `[edge, next edge)`; the last bin includes its upper edge.
fn count(sorted: &[f64], edges: &[f64]) -> Vec<usize> {
    let below = |edge: f64| sorted.partition_point(|value| *value < edge);
    let inner = &edges[..edges.len() - 1];
    let mut starts: Vec<usize> = inner.iter().map(|edge| below(*edge)).collect();
    starts.push(sorted.len());
    starts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// One bin per value that occurs in either sample: a merge of two sorted lists.
fn by_value(reference: &[f64], current: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < reference.len() || j < current.len() {
        let value = match (reference.get(i), current.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(only), None) | (None, Some(only)) => *only,
            (None, None) => break,
        };
        let run = |sample: &[f64], from: usize| sample[from..].iter().take_while(|other| **other == value).count();
        let (in_reference, in_current) = (run(reference, i), run(current, j));
        left.push(in_reference);
        right.push(in_current);
        i += in_reference;
        j += in_current;
    }
    (left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_categories_and_many_are_binned() {
        let few: Vec<f64> = (0..100).map(|i| f64::from(i % 20)).collect();
        assert_eq!(shares(&few, &few).unwrap().reference.len(), 20);
        let many: Vec<f64> = (0..64).map(f64::from).collect();
        assert_eq!(shares(&many, &many).unwrap().reference.len(), 8, "log2(128) + 1");
    }

    #[test]
    fn the_largest_value_is_in_the_last_bin() {
        let many: Vec<f64> = (0..64).map(f64::from).collect();
        let shares = shares(&many, &[63.0]).unwrap();
        assert_eq!(shares.current.last(), Some(&1.0));
        assert!((shares.reference.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_value_that_only_one_sample_has_is_a_category_of_both() {
        let shares = shares(&[1.0, 1.0, -0.0], &[0.0, 2.0]).unwrap();
        assert_eq!(shares.reference, [1.0 / 3.0, 2.0 / 3.0, 0.0]);
        assert_eq!(shares.current, [0.5, 0.0, 0.5]);
    }
}
