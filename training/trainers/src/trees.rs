//! Gradient-boosted trees (`perpetual`), exported as one `TreeEnsemble`.

use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_registry::Task;
use cortex_training::onnx::{Branch, ModelNote, ScoreGraph, Split, TreeEnsemble};
use cortex_training::{Params, TrainedModel, Trainer, TrainingError, TrainingMatrix};
use perpetual::objective::Objective;
use perpetual::tree::core::Tree;
use perpetual::{Matrix, PerpetualBooster};

use crate::link::Link;

const NAME: &str = "boosted-trees";

/// Boosted trees whose complexity follows one number, the budget. Missing values go the way that each split learned;
/// there is no third branch, which no ONNX operator has.
///
/// Parameters: `budget` (0.5; how much complexity to spend, each +1 costs about ten times the time), `max_bins` (64; four times as many cost twice the
/// time and hardly tell more),
/// `trees_max` (1000), and for regression `target` (`plain` or `log1p`).
#[derive(Clone, Copy, Debug, Default)]
pub struct BoostedTrees;

struct Settings {
    budget: f32,
    bins_max: u16,
    trees_max: usize,
    link: Link,
}

impl Settings {
    fn read(params: &BTreeMap<String, String>, task: Task) -> Result<Self, TrainingError> {
        let params = Params::new(NAME, params);
        let settings = Self {
            budget: params.number("budget", 0.5, 0.05..=2.0)?,
            bins_max: params.number("max_bins", 64, 8..=4096)?,
            trees_max: params.number("trees_max", 1000, 1..=10_000)?,
            link: Link::chosen(task, &params)?,
        };
        params.finish()?;
        Ok(settings)
    }

    fn booster(&self, seed: u64) -> PerpetualBooster {
        let objective = if self.link == Link::Logistic {
            Objective::LogLoss
        } else {
            Objective::SquaredLoss
        };
        let mut booster = PerpetualBooster::default()
            .set_objective(objective)
            .set_budget(self.budget)
            .set_max_bin(self.bins_max)
            .set_iteration_limit(Some(self.trees_max))
            .set_create_missing_branch(false)
            .set_seed(seed);
        // Reweighted classes would make the scores other than probabilities.
        booster.cfg.auto_class_weights = false;
        booster
    }
}

impl Trainer for BoostedTrees {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), TrainingError> {
        Settings::read(params, Task::Regression).map(drop)
    }

    fn train(
        &self,
        set: &TrainingMatrix,
        params: &BTreeMap<String, String>,
        seed: u64,
    ) -> Result<TrainedModel, TrainingError> {
        let settings = Settings::read(params, set.task())?;
        let link = settings.link;
        let targets = link.targets(set.labels())?;
        let seen = SeenColumns::of(set);
        let values = seen.column_major(set.values());

        let mut booster = settings.booster(seed);
        booster
            .fit(&Matrix::new(&values, set.rows(), seen.kept.len()), &targets, None, None)
            .map_err(|error| failed(error.to_string()))?;
        // A line through the residuals of small sets: it extrapolates without bound, and trees are wanted here.
        booster.regression_head = None;

        let ensemble = ensemble(&booster, &seen.kept)?;
        let facts = BTreeMap::from([
            ("trees".to_owned(), ensemble.roots.len() as f64),
            ("leaves".to_owned(), ensemble.leaves.len() as f64),
        ]);
        let onnx = export(&ensemble, link, set);
        let native = Arc::new(move |rows: &[f64]| {
            let values = seen.column_major(rows);
            let raw = booster.predict(&Matrix::new(&values, rows.len() / seen.columns, seen.kept.len()), false);
            raw.into_iter().map(|raw| link.score(raw)).collect()
        });
        Ok(TrainedModel { onnx, native, facts })
    }
}

/// The columns that have a value somewhere: the others are not shown to the booster, which would split on nothing.
#[derive(Clone, Debug)]
struct SeenColumns {
    kept: Vec<usize>,
    columns: usize,
}

impl SeenColumns {
    fn of(set: &TrainingMatrix) -> Self {
        let empty = set.empty_columns();
        let columns = set.columns();
        Self {
            kept: (0..columns).filter(|column| !empty.contains(column)).collect(),
            columns,
        }
    }

    /// The kept columns of row-major `rows`, one after the other.
    fn column_major(&self, rows: &[f64]) -> Vec<f64> {
        let column = |&column: &usize| rows.iter().skip(column).step_by(self.columns).copied();
        self.kept.iter().flat_map(column).collect()
    }
}

fn ensemble(booster: &PerpetualBooster, kept: &[usize]) -> Result<TreeEnsemble, TrainingError> {
    let mut ensemble = TreeEnsemble {
        base: booster.base_score,
        ..TreeEnsemble::default()
    };
    for tree in booster.get_prediction_trees() {
        match add_branch(&mut ensemble, tree, 0, kept)? {
            Branch::Split(root) => ensemble.roots.push(root),
            // A tree that never split says the same of every row.
            Branch::Leaf(leaf) => {
                ensemble.leaves.truncate(leaf + 1);
                ensemble.base += ensemble.leaves.pop().unwrap_or_default();
            }
        }
    }
    Ok(ensemble)
}

/// Copies the tree below `number` in the order of its branches, so that equal trees become equal bytes.
fn add_branch(
    ensemble: &mut TreeEnsemble,
    tree: &Tree,
    number: usize,
    kept: &[usize],
) -> Result<Branch, TrainingError> {
    let node = tree
        .nodes
        .get(&number)
        .ok_or_else(|| failed(format!("a tree has no node {number}")))?;
    if node.is_leaf {
        ensemble.leaves.push(f64::from(node.weight_value));
        return Ok(Branch::Leaf(ensemble.leaves.len() - 1));
    }
    if node.has_missing_branch() || node.left_cats.is_some() {
        return Err(failed(format!(
            "node {number} is no plain split, and has no place in a TreeEnsemble"
        )));
    }
    let feature = kept.get(node.split_feature).copied();
    let feature = feature.ok_or_else(|| failed(format!("node {number} splits on feature {}", node.split_feature)))?;
    let at = ensemble.splits.len();
    let missing_below = node.missing_node == node.left_child;
    let nowhere = Branch::Leaf(usize::MAX);
    ensemble.splits.push(Split {
        feature,
        threshold: node.split_value,
        below: nowhere,
        above: nowhere,
        missing_below,
    });
    ensemble.splits[at].below = add_branch(ensemble, tree, node.left_child, kept)?;
    ensemble.splits[at].above = add_branch(ensemble, tree, node.right_child, kept)?;
    Ok(Branch::Split(at))
}

fn export(ensemble: &TreeEnsemble, link: Link, set: &TrainingMatrix) -> Vec<u8> {
    let mut graph = ScoreGraph::new();
    let input = graph.input();
    let raw = ensemble.add_to(&mut graph, &input);
    let score = link.add_to(&mut graph, &raw);
    let note = ModelNote {
        name: NAME.to_owned(),
        doc: format!(
            "{} boosted trees over {} features.",
            ensemble.roots.len(),
            set.columns()
        ),
        features: set.features().to_vec(),
    };
    graph.finish(&score, &note)
}

fn failed(detail: String) -> TrainingError {
    TrainingError::Failed {
        trainer: NAME.to_owned(),
        detail,
    }
}
