//! A graph from `features` to `score`, put together operator by operator.

use prost::Message;

use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto, type_proto,
};
use super::{INPUT, OUTPUT};

/// The IR of ONNX 1.16, the first that knows `ai.onnx.ml` 5.
const IR_VERSION: i64 = 10;
/// Operators of the default domain: the set that ONNX Runtime has had double kernels for the longest.
const OPSET: i64 = 18;
/// The first opset with `TreeEnsemble`, which is the first tree operator whose thresholds may be double.
const OPSET_ML: i64 = 5;
pub(super) const DOMAIN_ML: &str = "ai.onnx.ml";

/// A tensor that flows through the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

/// What the file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelNote {
    /// Name of the graph, such as `boosted-trees`.
    pub name: String,
    /// One sentence for whoever opens the file.
    pub doc: String,
    /// `view:feature` names in the order of the input's columns.
    pub features: Vec<String>,
}

/// Builds one model. Constants and results are named by their order, so the same calls give the same bytes.
#[derive(Debug, Default)]
pub struct ScoreGraph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl ScoreGraph {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The model's input, `[rows, features]`.
    #[must_use]
    pub fn input(&self) -> Value {
        Value(INPUT.to_owned())
    }

    /// A constant of `dims`, row-major; `[]` is a scalar.
    pub fn constant(&mut self, dims: &[usize], values: &[f64]) -> Value {
        let mut tensor = double_tensor(dims, values);
        tensor.name = format!("c{}", self.constants.len());
        let value = Value(tensor.name.clone());
        self.constants.push(tensor);
        value
    }

    /// One column of `[rows, columns]`, as `[rows, 1]`.
    pub fn column(&mut self, of: &Value, column: usize) -> Value {
        let index = i64::try_from(column).unwrap_or(i64::MAX);
        let mut tensor = raw_tensor(&[1], DataType::Int64, index.to_le_bytes().to_vec());
        tensor.name = format!("c{}", self.constants.len());
        let index = Value(tensor.name.clone());
        self.constants.push(tensor);
        self.push("Gather", "", &[of, &index], vec![int_attribute("axis", 1)])
    }

    /// `value` once per row of `rows`, as `[rows, 1]`.
    pub fn same_for_each_row(&mut self, rows: &Value, value: f64) -> Value {
        let any = self.column(rows, 0);
        let missing = self.apply("IsNaN", &[&any]);
        let value = self.constant(&[1, 1], &[value]);
        self.apply("Where", &[&missing, &value, &value])
    }

    /// `values` where they are known and `instead` (one a column) where they are NaN.
    pub fn known_or(&mut self, values: &Value, instead: &[f64]) -> Value {
        let missing = self.apply("IsNaN", &[values]);
        let instead = self.constant(&[1, instead.len()], instead);
        self.apply("Where", &[&missing, &instead, values])
    }

    /// One operator of the default domain with one result and no attributes.
    pub fn apply(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.push(operator, "", inputs, Vec::new())
    }

    pub(super) fn push(
        &mut self,
        operator: &str,
        domain: &str,
        inputs: &[&Value],
        attribute: Vec<AttributeProto>,
    ) -> Value {
        let result = Value(format!("v{}", self.nodes.len()));
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![result.0.clone()],
            name: format!("{operator}_{}", self.nodes.len()),
            op_type: operator.to_owned(),
            domain: domain.to_owned(),
            attribute,
            ..NodeProto::default()
        });
        result
    }

    /// The file, with `score` (`[rows, 1]`) as the model's output.
    #[must_use]
    pub fn finish(mut self, score: &Value, note: &ModelNote) -> Vec<u8> {
        let last = self.apply("Identity", &[score]);
        for output in self.nodes.iter_mut().flat_map(|node| &mut node.output) {
            if *output == last.0 {
                OUTPUT.clone_into(output);
            }
        }
        let graph = GraphProto {
            node: self.nodes,
            name: note.name.clone(),
            initializer: self.constants,
            doc_string: note.doc.clone(),
            input: vec![value_info(
                INPUT,
                i64::try_from(note.features.len()).unwrap_or(i64::MAX),
            )],
            output: vec![value_info(OUTPUT, 1)],
        };
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "cortex".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: note.doc.clone(),
            graph: Some(graph),
            opset_import: vec![
                OperatorSetIdProto {
                    domain: String::new(),
                    version: OPSET,
                },
                OperatorSetIdProto {
                    domain: DOMAIN_ML.to_owned(),
                    version: OPSET_ML,
                },
            ],
            metadata_props: vec![StringStringEntryProto {
                key: "features".to_owned(),
                value: note.features.join(","),
            }],
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }
}

pub(super) fn double_tensor(dims: &[usize], values: &[f64]) -> TensorProto {
    raw_tensor(
        dims,
        DataType::Double,
        values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    )
}

pub(super) fn byte_tensor(values: &[u8]) -> TensorProto {
    raw_tensor(&[values.len()], DataType::Uint8, values.to_vec())
}

fn raw_tensor(dims: &[usize], datatype: DataType, raw_data: Vec<u8>) -> TensorProto {
    let dims = dims.iter().map(|&dim| i64::try_from(dim).unwrap_or(i64::MAX)).collect();
    TensorProto {
        dims,
        data_type: datatype as i32,
        name: String::new(),
        raw_data,
    }
}

pub(super) fn int_attribute(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i,
        r#type: AttributeType::Int as i32,
        ..AttributeProto::default()
    }
}

pub(super) fn ints_attribute(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints,
        r#type: AttributeType::Ints as i32,
        ..AttributeProto::default()
    }
}

pub(super) fn tensor_attribute(name: &str, tensor: TensorProto) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        t: Some(tensor),
        r#type: AttributeType::Tensor as i32,
        ..AttributeProto::default()
    }
}

fn value_info(name: &str, columns: i64) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension};
    let shape = TensorShapeProto {
        dim: vec![
            Dimension {
                value: Some(dimension::Value::DimParam("rows".to_owned())),
            },
            Dimension {
                value: Some(dimension::Value::DimValue(columns)),
            },
        ],
    };
    let tensor = type_proto::Tensor {
        elem_type: DataType::Double as i32,
        shape: Some(shape),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
        }),
        doc_string: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled() -> Vec<u8> {
        let mut graph = ScoreGraph::new();
        let two = graph.constant(&[], &[2.0]);
        let input = graph.input();
        let score = graph.apply("Mul", &[&input, &two]);
        let note = ModelNote {
            name: "doubled".into(),
            doc: "Twice the input.".into(),
            features: vec!["v:f".into()],
        };
        graph.finish(&score, &note)
    }

    #[test]
    fn the_same_graph_is_the_same_file() {
        assert_eq!(doubled(), doubled());
    }

    #[test]
    fn the_output_is_called_score_and_the_input_features() {
        let model = ModelProto::decode(doubled().as_slice()).unwrap();
        let graph = model.graph.unwrap();
        assert_eq!(graph.input[0].name, "features");
        assert_eq!(graph.output[0].name, "score");
        assert_eq!(graph.node.last().unwrap().output, ["score"]);
        assert_eq!(model.metadata_props[0].value, "v:f");
    }
}
