//! An ensemble of regression trees as `ai.onnx.ml` opset 5 `TreeEnsemble`, in double.
//!
//! In single precision a threshold rounds, and a value that stood just below it flips to another leaf: that is why the
//! older tree operators are not used.

use super::graph::{DOMAIN_ML, byte_tensor, double_tensor, int_attribute, ints_attribute, tensor_attribute};
use super::{ScoreGraph, Value};

/// `nodes_modes`: true where the value is less than the threshold.
const BRANCH_LT: u8 = 1;
const AGGREGATE_SUM: i64 = 1;
const POST_TRANSFORM_NONE: i64 = 0;

/// Where a decision leads: to another split or to a leaf, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    Split(usize),
    Leaf(usize),
}

/// One decision: `value < threshold` goes `below`, everything else `above`, NaN where `missing_below` says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    pub feature: usize,
    pub threshold: f64,
    pub below: Branch,
    pub above: Branch,
    pub missing_below: bool,
}

/// Trees whose leaves add up to a score, on top of `base`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeEnsemble {
    /// What the score is before any tree. A tree that is a single leaf belongs here.
    pub base: f64,
    pub splits: Vec<Split>,
    pub leaves: Vec<f64>,
    /// Each tree's first split.
    pub roots: Vec<usize>,
}

impl TreeEnsemble {
    /// `base` plus the leaves that each row of `features` falls into, `[rows, 1]`.
    pub fn add_to(&self, graph: &mut ScoreGraph, features: &Value) -> Value {
        if self.roots.is_empty() {
            // The operator refuses to have no tree at all.
            return graph.same_for_each_row(features, self.base);
        }
        let base = graph.constant(&[1, 1], &[self.base]);
        let sum = graph.push("TreeEnsemble", DOMAIN_ML, &[features], self.attributes());
        graph.apply("Add", &[&sum, &base])
    }

    fn attributes(&self) -> Vec<super::proto::AttributeProto> {
        let column = |value: &dyn Fn(&Split) -> i64| self.splits.iter().map(value).collect::<Vec<_>>();
        let thresholds: Vec<f64> = self.splits.iter().map(|split| split.threshold).collect();
        let (splits, leaves) = (thresholds.len(), self.leaves.len());
        vec![
            int_attribute("n_targets", 1),
            int_attribute("aggregate_function", AGGREGATE_SUM),
            int_attribute("post_transform", POST_TRANSFORM_NONE),
            ints_attribute("tree_roots", self.roots.iter().map(|&root| to_i64(root)).collect()),
            ints_attribute("nodes_featureids", column(&|split| to_i64(split.feature))),
            tensor_attribute("nodes_splits", double_tensor(&[splits], &thresholds)),
            tensor_attribute("nodes_modes", byte_tensor(&vec![BRANCH_LT; splits])),
            ints_attribute("nodes_truenodeids", column(&|split| split.below.index())),
            ints_attribute("nodes_trueleafs", column(&|split| split.below.is_leaf())),
            ints_attribute("nodes_falsenodeids", column(&|split| split.above.index())),
            ints_attribute("nodes_falseleafs", column(&|split| split.above.is_leaf())),
            ints_attribute(
                "nodes_missing_value_tracks_true",
                column(&|split| i64::from(split.missing_below)),
            ),
            ints_attribute("leaf_targetids", vec![0; leaves]),
            tensor_attribute("leaf_weights", double_tensor(&[leaves], &self.leaves)),
        ]
    }
}

impl Branch {
    fn index(self) -> i64 {
        match self {
            Self::Split(index) | Self::Leaf(index) => to_i64(index),
        }
    }

    fn is_leaf(self) -> i64 {
        i64::from(matches!(self, Self::Leaf(_)))
    }
}

fn to_i64(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
