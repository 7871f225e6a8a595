//! The rows that a gate scores: kept as an artifact beside the ONNX file, so that evidence can be computed again.
//!
//! Stored as one Arrow IPC stream. Column `part` says `evaluation` or `reference`; evaluation rows have a `label`, may
//! have a `baseline`, `group:<column>`s and a `member`; both parts have a `feature:<name>` column per feature (NaN for missing).

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt32Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::RegistryError;

const PART: &str = "part";
const LABEL: &str = "label";
const BASELINE: &str = "baseline";
const MEMBER: &str = "member";
const FEATURE: &str = "feature:";
const GROUP: &str = "group:";
const PART_EVALUATION: &str = "evaluation";
const PART_REFERENCE: &str = "reference";

/// Rows from later time than the training set's, with what truly happened, and a sample of the training set itself.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct EvaluationSet {
    /// Names of the columns of `rows` and `reference`. They hold at least the model's own inputs; further columns let
    /// an incumbent with other inputs be scored on the same rows.
    pub features: Vec<String>,
    /// Row-major, `features.len()` values a row, NaN for missing.
    pub rows: Vec<f64>,
    /// What happened, one per row: 0 or 1, or a number. Finite.
    pub labels: Vec<f64>,
    /// Sensitive columns, such as `country`: one value per row.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Which rows are about the same entity: a number each, no key. Empty where every row is another's.
    pub members: Vec<u32>,
    /// What a naive rule would have answered, one per row, such as the units of the week before. Optional.
    pub baseline: Option<Vec<f64>>,
    /// A sample of the training rows, in the shape of `rows`: what drift is measured against. May be empty.
    pub reference: Vec<f64>,
}

impl EvaluationSet {
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Refuses a set whose parts do not fit together.
    pub fn check(&self) -> Result<(), RegistryError> {
        let refuse = |problem: String| Err(RegistryError::Invalid(format!("evaluation set: {problem}")));
        let (rows, columns) = (self.labels.len(), self.features.len());
        if rows == 0 || columns == 0 {
            return refuse("it needs at least one row and one feature".to_owned());
        }
        if self.rows.len() != rows * columns {
            return refuse(format!(
                "{} values are not {rows} rows of {columns} features",
                self.rows.len()
            ));
        }
        if !self.reference.len().is_multiple_of(columns) {
            return refuse(format!(
                "{} reference values are not rows of {columns} features",
                self.reference.len()
            ));
        }
        if let Some(row) = self.labels.iter().position(|label| !label.is_finite()) {
            return refuse(format!("the label of row {row} is {}", self.labels[row]));
        }
        for (name, len) in self.groups.iter().map(|(name, values)| (name.as_str(), values.len())) {
            if len != rows {
                return refuse(format!("group column '{name}' has {len} values for {rows} rows"));
            }
        }
        if let Some(baseline) = self.baseline.as_ref().filter(|baseline| baseline.len() != rows) {
            return refuse(format!("the baseline has {} values for {rows} rows", baseline.len()));
        }
        if !self.members.is_empty() && self.members.len() != rows {
            return refuse(format!("{} members for {rows} rows", self.members.len()));
        }
        let mut names: Vec<&String> = self.features.iter().collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => refuse(format!("feature '{}' is there twice", pair[0])),
            None => Ok(()),
        }
    }

    /// The rows with only `wanted` columns, in that order, row-major; `Err` names the columns that are not there.
    pub fn project(&self, wanted: &[String]) -> Result<Vec<f64>, Vec<String>> {
        let place = |name: &String| self.features.iter().position(|feature| feature == name);
        let missing: Vec<String> = wanted.iter().filter(|name| place(name).is_none()).cloned().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        if wanted == self.features {
            return Ok(self.rows.clone());
        }
        let places: Vec<usize> = wanted.iter().filter_map(place).collect();
        Ok(self
            .rows
            .chunks_exact(self.features.len())
            .flat_map(|row| places.iter().map(|at| row[*at]))
            .collect())
    }

    /// Whose row each is.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        if self.members.is_empty() {
            return (0..).take(self.len()).collect();
        }
        self.members.clone()
    }

    /// The values of one feature: in the reference, and now.
    #[must_use]
    pub fn column(&self, index: usize) -> (Vec<f64>, Vec<f64>) {
        let of = |rows: &[f64]| rows.iter().skip(index).step_by(self.features.len()).copied().collect();
        (of(&self.reference), of(&self.rows))
    }

    /// Arrow IPC stream bytes; equal sets give equal bytes.
    pub fn encode(&self) -> Result<Vec<u8>, RegistryError> {
        self.check()?;
        let batch = self
            .to_batch()
            .map_err(|error| RegistryError::Internal(error.to_string()))?;
        let write = || -> Result<Vec<u8>, ArrowError> {
            let mut bytes = Vec::new();
            let mut writer = StreamWriter::try_new(&mut bytes, batch.schema_ref())?;
            writer.write(&batch)?;
            writer.finish()?;
            drop(writer);
            Ok(bytes)
        };
        write().map_err(|error| RegistryError::Internal(format!("an evaluation set could not be written: {error}")))
    }

    /// Reads what [`encode`](Self::encode) wrote; `digest` is for the message.
    pub fn decode(bytes: &[u8], digest: &str) -> Result<Self, RegistryError> {
        let corrupt = |detail: String| RegistryError::CorruptArtifact {
            digest: digest.to_owned(),
            detail,
        };
        if !begins_as_stream(bytes) {
            return Err(corrupt("it does not begin as an Arrow stream".to_owned()));
        }
        let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(|error| corrupt(error.to_string()))?;
        let schema = reader.schema();
        let batches = reader
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| corrupt(error.to_string()))?;
        let batch = arrow::compute::concat_batches(&schema, &batches).map_err(|error| corrupt(error.to_string()))?;
        let set = Self::from_batch(&batch).ok_or_else(|| corrupt("it is no evaluation set".to_owned()))?;
        set.check()?;
        Ok(set)
    }

    fn to_batch(&self) -> Result<RecordBatch, ArrowError> {
        let references = self.reference.len() / self.features.len();
        let part =
            std::iter::repeat_n(PART_EVALUATION, self.len()).chain(std::iter::repeat_n(PART_REFERENCE, references));
        let numbers = |values: &[f64]| -> ArrayRef {
            let padding = std::iter::repeat_n(None, references);
            Arc::new(
                values
                    .iter()
                    .copied()
                    .map(Some)
                    .chain(padding)
                    .collect::<Float64Array>(),
            )
        };
        let mut columns: Vec<(String, ArrayRef)> = vec![
            (PART.to_owned(), Arc::new(part.map(Some).collect::<StringArray>())),
            (LABEL.to_owned(), numbers(&self.labels)),
        ];
        columns.extend(
            self.baseline
                .iter()
                .map(|baseline| (BASELINE.to_owned(), numbers(baseline))),
        );
        if !self.members.is_empty() {
            let padding = std::iter::repeat_n(None, references);
            let members = self.members.iter().copied().map(Some).chain(padding);
            columns.push((MEMBER.to_owned(), Arc::new(members.collect::<UInt32Array>())));
        }
        for (name, values) in &self.groups {
            let padding = std::iter::repeat_n(None, references);
            let values = values.iter().map(|value| Some(value.as_str())).chain(padding);
            columns.push((format!("{GROUP}{name}"), Arc::new(values.collect::<StringArray>())));
        }
        for (index, name) in self.features.iter().enumerate() {
            let (reference, current) = self.column(index);
            let values: Float64Array = current.into_iter().chain(reference).map(Some).collect();
            columns.push((format!("{FEATURE}{name}"), Arc::new(values)));
        }
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, values)| Field::new(name, values.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            columns.into_iter().map(|(_, values)| values).collect(),
        )
    }

    fn from_batch(batch: &RecordBatch) -> Option<Self> {
        let part = batch.column_by_name(PART)?.as_string_opt::<i32>()?;
        let rows = part.iter().take_while(|part| *part == Some(PART_EVALUATION)).count();
        let numbers = |name: &str| -> Option<Vec<f64>> {
            let column = batch.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
            Some(column.values().to_vec())
        };
        let evaluated = |name: &str| numbers(name).map(|values| values[..rows].to_vec());
        let mut set = Self {
            labels: evaluated(LABEL)?,
            baseline: evaluated(BASELINE),
            ..Self::default()
        };
        if let Some(members) = batch.column_by_name(MEMBER) {
            set.members = members.as_primitive_opt::<UInt32Type>()?.values()[..rows].to_vec();
        }
        let mut columns = Vec::new();
        for field in batch.schema_ref().fields() {
            if let Some(name) = field.name().strip_prefix(FEATURE) {
                set.features.push(name.to_owned());
                columns.push(numbers(field.name())?);
            } else if let Some(name) = field
                .name()
                .strip_prefix(GROUP)
                .filter(|_| *field.data_type() == DataType::Utf8)
            {
                let values = batch.column_by_name(field.name())?.as_string_opt::<i32>()?;
                set.groups.insert(
                    name.to_owned(),
                    (0..rows).map(|row| values.value(row).to_owned()).collect(),
                );
            }
        }
        let row_major = |from: usize, to: usize| -> Vec<f64> {
            (from..to)
                .flat_map(|row| columns.iter().map(move |column| column[row]))
                .collect()
        };
        set.rows = row_major(0, rows);
        set.reference = row_major(rows, batch.num_rows());
        Some(set)
    }
}

/// A stream begins with the continuation marker and the length of its schema. The reader believes that length and
/// allocates as much, so a length that cannot be is found here.
fn begins_as_stream(bytes: &[u8]) -> bool {
    let word = |at: usize| {
        bytes
            .get(at..at + 4)
            .and_then(|word| word.try_into().ok())
            .map(u32::from_le_bytes)
    };
    word(0) == Some(u32::MAX) && word(4).is_some_and(|length| (length as usize) < bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> EvaluationSet {
        EvaluationSet {
            features: vec!["spend:sum_30d".to_owned(), "orders:count_30d".to_owned()],
            rows: vec![1.5, 2.0, f64::INFINITY, -0.0, 3.0, 4.0],
            labels: vec![1.0, 0.0, 1.0],
            groups: BTreeMap::from([("country".to_owned(), ["DE", "UK", "UK"].map(str::to_owned).to_vec())]),
            members: vec![0, 1, 1],
            baseline: Some(vec![0.5, 0.5, 0.25]),
            reference: vec![1.0, 2.0, 3.0, 4.0],
        }
    }

    #[test]
    fn a_set_reads_back_as_it_was_written() {
        let bytes = set().encode().unwrap();
        assert_eq!(EvaluationSet::decode(&bytes, "x").unwrap(), set());
        assert_eq!(bytes, set().encode().unwrap(), "equal sets have one digest");
        let plain = EvaluationSet {
            groups: BTreeMap::new(),
            members: vec![],
            baseline: None,
            reference: vec![],
            ..set()
        };
        assert_eq!(EvaluationSet::decode(&plain.encode().unwrap(), "x").unwrap(), plain);
    }

    #[test]
    fn missing_values_stay_missing() {
        let missing = EvaluationSet {
            rows: vec![f64::NAN; 6],
            ..set()
        };
        let read = EvaluationSet::decode(&missing.encode().unwrap(), "x").unwrap();
        assert!(read.rows.len() == 6 && read.rows.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn bytes_that_are_no_set_are_corrupt() {
        let mut bytes = set().encode().unwrap();
        bytes.truncate(bytes.len() / 2);
        for bad in [&bytes[..], b"", b"ONNX", b"\xff\xff\xff\xff\xff\xff\xff\x7f"] {
            assert!(matches!(
                EvaluationSet::decode(bad, "x"),
                Err(RegistryError::CorruptArtifact { .. })
            ));
        }
    }

    #[test]
    fn a_projection_takes_columns_by_name() {
        assert_eq!(
            set().project(&["orders:count_30d".to_owned()]).unwrap(),
            [2.0, -0.0, 4.0]
        );
        assert_eq!(set().project(&["age".to_owned()]).unwrap_err(), ["age"]);
    }

    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        let duplicate = vec!["a".to_owned(); 2];
        for bad in [
            EvaluationSet::default(),
            EvaluationSet {
                rows: vec![1.0],
                ..set()
            },
            EvaluationSet {
                labels: vec![1.0, f64::NAN, 0.0],
                ..set()
            },
            EvaluationSet {
                baseline: Some(vec![]),
                ..set()
            },
            EvaluationSet {
                members: vec![1],
                ..set()
            },
            EvaluationSet {
                reference: vec![1.0],
                ..set()
            },
            EvaluationSet {
                features: duplicate,
                ..set()
            },
        ] {
            assert!(matches!(bad.encode(), Err(RegistryError::Invalid(_))), "{bad:?}");
        }
    }
}
