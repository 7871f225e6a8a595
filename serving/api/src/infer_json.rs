//! The JSON of an inference request and of its answer.

use bytes::Bytes;
use cortex_serving::{InferRequest, InferResponse, ServingError, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api;
use crate::binary::Tail;
use crate::json_tensor;
use crate::unsupported::{refuse_extras, refuse_shared_memory};

/// A request, as the protocol writes it.
#[derive(Debug, Deserialize)]
pub struct Body {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    #[serde(default)]
    parameters: Map<String, Value>,
    data: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

impl Body {
    pub fn parse(json: &[u8]) -> Result<Self, ServingError> {
        serde_json::from_slice(json)
            .map_err(|error| ServingError::Invalid(format!("the JSON body does not fit: {error}")))
    }

    /// A parameter of the request that is a text, such as the route key.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).and_then(Value::as_str)
    }

    /// Which outputs are to be sent as bytes behind the JSON: those that say so, and the others where the request does.
    pub fn binary(&self, output: &str) -> bool {
        let said = |parameters: &Map<String, Value>, name: &str| parameters.get(name).and_then(Value::as_bool);
        let named = self.outputs.iter().find(|named| named.name == output);
        named
            .and_then(|named| said(&named.parameters, "binary_data"))
            .or_else(|| said(&self.parameters, "binary_data_output"))
            .unwrap_or(false)
    }

    /// The request, with the tensors that came as bytes taken from `tail`.
    pub fn request(&self, model: String, version: Option<u32>, mut tail: Tail) -> Result<InferRequest, ServingError> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            inputs.push(input.tensor(&mut tail)?);
        }
        tail.finish()?;
        for output in &self.outputs {
            refuse_extras(output.parameters.keys())?;
        }
        Ok(InferRequest {
            model,
            version,
            inputs,
            outputs: self.outputs.iter().map(|output| output.name.clone()).collect(),
            route_key: self.text(api::ROUTE_KEY).map(str::to_owned),
            arm: api::arm(self.text(api::ARM).unwrap_or_default())?,
        })
    }
}

impl Input {
    fn tensor(&self, tail: &mut Tail) -> Result<Tensor, ServingError> {
        refuse_shared_memory(self.parameters.keys())?;
        let datatype = self.datatype.parse()?;
        let size = self.parameters.get("binary_data_size");
        match (size, &self.data) {
            (Some(size), None) => {
                let size = size.as_u64().ok_or_else(|| {
                    ServingError::Invalid(format!(
                        "binary_data_size of input '{}' is no number of bytes",
                        self.name
                    ))
                })?;
                Tensor::new(
                    self.name.clone(),
                    datatype,
                    self.shape.clone(),
                    tail.take(&self.name, size)?,
                )
            }
            (None, Some(data)) => json_tensor::parse(self.name.clone(), datatype, self.shape.clone(), data),
            (Some(_), Some(_)) => Err(ServingError::Invalid(format!(
                "input '{}' has both data and binary_data_size",
                self.name
            ))),
            (None, None) => Err(ServingError::Invalid(format!("input '{}' has no data", self.name))),
        }
    }
}

/// An answer, as the protocol writes it.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    model_name: String,
    model_version: String,
    parameters: Map<String, Value>,
    outputs: Vec<AnswerTensor>,
}

#[derive(Debug, Serialize)]
struct AnswerTensor {
    name: String,
    datatype: &'static str,
    shape: Vec<i64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    parameters: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Value>>,
}

impl Answer {
    /// The JSON's content, and the bytes to send behind it, if any output is to be sent so.
    pub fn of(body: &Body, response: &InferResponse) -> Result<(Self, Option<Vec<Bytes>>), ServingError> {
        let mut outputs = Vec::with_capacity(response.outputs.len());
        let mut binary: Option<Vec<Bytes>> = None;
        for tensor in &response.outputs {
            let mut parameters = Map::new();
            let mut data = None;
            if body.binary(tensor.name()) {
                parameters.insert("binary_data_size".to_owned(), tensor.data().len().into());
                binary.get_or_insert_default().push(tensor.data().clone());
            } else {
                data = Some(json_tensor::write(tensor)?);
            }
            outputs.push(AnswerTensor {
                name: tensor.name().to_owned(),
                datatype: tensor.datatype().as_str(),
                shape: tensor.shape().to_vec(),
                parameters,
                data,
            });
        }
        let mut parameters = Map::from_iter([("model_version".to_owned(), response.version.to_string().into())]);
        if let Some(arm) = response.arm {
            parameters.insert("arm".to_owned(), arm.as_str().into());
        }
        let answer = Self {
            id: body.id.clone(),
            model_name: response.model.clone(),
            model_version: response.version.to_string(),
            parameters,
            outputs,
        };
        Ok((answer, binary))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use proptest::prelude::*;

    use super::*;
    use crate::binary::{HEADER_LENGTH, split};

    /// JSON that is nearly a request, with sizes and shapes that lie.
    fn body() -> impl Strategy<Value = String> {
        let datatype = proptest::sample::select(vec!["FP32", "FP64", "INT64", "BOOL", "BYTES", "FP16", "", "float"]);
        let number = prop_oneof![
            Just("-1"),
            Just("0"),
            Just("3"),
            Just("9223372036854775807"),
            Just("1e300"),
            Just("null")
        ];
        let data = prop_oneof![
            Just(r#""data": [1, 2.5, [3]]"#),
            Just(r#""data": "text""#),
            Just(r#""data": [true, null, "x"]"#),
            Just(r#""parameters": {"binary_data_size": 18446744073709551615}"#),
            Just(r#""parameters": {"binary_data_size": 8}"#),
            Just(r#""id": 1"#),
        ];
        (datatype, proptest::collection::vec(number, 0..4), data).prop_map(|(datatype, shape, data)| {
            let shape = shape.join(",");
            format!(r#"{{"inputs": [{{"name": "x", "datatype": "{datatype}", "shape": [{shape}], {data}}}]}}"#)
        })
    }

    proptest! {
        #[test]
        fn a_body_that_lies_is_refused_and_takes_nothing_down(
            json in prop_oneof![3 => body().prop_map(String::into_bytes), 1 => proptest::collection::vec(any::<u8>(), 0..64)],
            tail in proptest::collection::vec(any::<u8>(), 0..32),
            length in proptest::option::of(0_usize..200),
        ) {
            let mut headers = HeaderMap::new();
            if let Some(length) = length.or(Some(json.len()).filter(|_| !tail.is_empty())) {
                headers.insert(HEADER_LENGTH, length.into());
            }
            let whole = Bytes::from([json, tail].concat());
            if let Ok((json, tail)) = split(&headers, whole)
                && let Ok(body) = Body::parse(&json)
                && let Ok(request) = body.request("m".to_owned(), None, tail)
            {
                for tensor in &request.inputs {
                    let elements: i64 = tensor.shape().iter().product();
                    prop_assert!(elements >= 0 && tensor.data().len() < 256);
                }
            }
        }
    }
}
