//! Tensors of the gRPC protocol: raw bytes, or typed contents.

use bytes::Bytes;
use cortex_proto::inference as pb;
use cortex_proto::inference::infer_parameter::ParameterChoice;
use cortex_proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use cortex_serving::{Datatype, ServingError, Tensor};

use crate::unsupported::{refuse_extras, refuse_shared_memory};

/// The inputs of a request: from `raw_input_contents` where it has any (then for every input), else from each input's
/// typed contents. Both at once are refused: they may say different things, and nobody could tell which was answered.
pub fn inputs(request: &pb::ModelInferRequest) -> Result<Vec<Tensor>, ServingError> {
    let raw = &request.raw_input_contents;
    if !raw.is_empty() && raw.len() != request.inputs.len() {
        let (inputs, raw) = (request.inputs.len(), raw.len());
        return Err(ServingError::Invalid(format!(
            "{raw} raw_input_contents came for {inputs} inputs"
        )));
    }
    let tensor = |(index, input): (usize, &InferInputTensor)| {
        refuse_shared_memory(input.parameters.keys())?;
        match raw.get(index) {
            Some(_) if input.contents.as_ref().is_some_and(holds_anything) => Err(ServingError::Invalid(format!(
                "input '{}' has contents beside raw_input_contents: give one of them",
                input.name
            ))),
            Some(bytes) => Tensor::new(
                input.name.clone(),
                input.datatype.parse()?,
                input.shape.clone(),
                bytes.clone(),
            ),
            None => typed(input),
        }
    };
    request.inputs.iter().enumerate().map(tensor).collect()
}

/// The names of the outputs that are asked for.
pub fn wanted(request: &pb::ModelInferRequest) -> Result<Vec<String>, ServingError> {
    let name = |output: &InferRequestedOutputTensor| {
        refuse_extras(output.parameters.keys())?;
        Ok(output.name.clone())
    };
    request.outputs.iter().map(name).collect()
}

/// Some clients send the empty message with every input.
fn holds_anything(contents: &pb::InferTensorContents) -> bool {
    *contents != pb::InferTensorContents::default()
}

fn typed(input: &InferInputTensor) -> Result<Tensor, ServingError> {
    let none = pb::InferTensorContents::default();
    let contents = input.contents.as_ref().unwrap_or(&none);
    let datatype: Datatype = input.datatype.parse()?;
    let too_large = |value: &dyn std::fmt::Display| {
        ServingError::Invalid(format!(
            "input '{}' has the element {value}, which is no {datatype}",
            input.name
        ))
    };
    macro_rules! bytes {
        ($field:ident) => {
            contents
                .$field
                .iter()
                .flat_map(|element| element.to_le_bytes())
                .collect::<Vec<u8>>()
        };
        ($field:ident as $kind:ty) => {{
            let mut bytes = Vec::new();
            for element in &contents.$field {
                let element = <$kind>::try_from(*element).map_err(|_| too_large(element))?;
                bytes.extend_from_slice(&element.to_le_bytes());
            }
            bytes
        }};
    }
    let data = match datatype {
        Datatype::Bool => contents
            .bool_contents
            .iter()
            .map(|element| u8::from(*element))
            .collect(),
        Datatype::Int8 => bytes!(int_contents as i8),
        Datatype::Int16 => bytes!(int_contents as i16),
        Datatype::Int32 => bytes!(int_contents),
        Datatype::Int64 => bytes!(int64_contents),
        Datatype::Uint8 => bytes!(uint_contents as u8),
        Datatype::Uint16 => bytes!(uint_contents as u16),
        Datatype::Uint32 => bytes!(uint_contents),
        Datatype::Uint64 => bytes!(uint64_contents),
        Datatype::Fp32 => bytes!(fp32_contents),
        Datatype::Fp64 => bytes!(fp64_contents),
        Datatype::Bytes => {
            return Tensor::from_elements(input.name.clone(), input.shape.clone(), &contents.bytes_contents);
        }
        Datatype::Fp16 | Datatype::Bf16 => {
            let message = format!(
                "input '{}' is {datatype}, which travels in raw_input_contents only",
                input.name
            );
            return Err(ServingError::Invalid(message));
        }
    };
    Tensor::new(input.name.clone(), datatype, input.shape.clone(), data)
}

/// The outputs of an answer: their descriptions, and their bytes.
pub fn outputs(tensors: &[Tensor]) -> (Vec<pb::model_infer_response::InferOutputTensor>, Vec<Bytes>) {
    let described = tensors
        .iter()
        .map(|tensor| pb::model_infer_response::InferOutputTensor {
            name: tensor.name().to_owned(),
            datatype: tensor.datatype().to_string(),
            shape: tensor.shape().to_vec(),
            ..Default::default()
        });
    (
        described.collect(),
        tensors.iter().map(|tensor| tensor.data().clone()).collect(),
    )
}

pub fn text_parameter(value: impl Into<String>) -> pb::InferParameter {
    pb::InferParameter {
        parameter_choice: Some(ParameterChoice::StringParam(value.into())),
    }
}

/// A parameter that is a text, such as the route key.
pub fn text_of<'a>(request: &'a pb::ModelInferRequest, name: &str) -> Option<&'a str> {
    match request.parameters.get(name)?.parameter_choice.as_ref()? {
        ParameterChoice::StringParam(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(datatype: &str, contents: pb::InferTensorContents, raw: Vec<Bytes>) -> pb::ModelInferRequest {
        let input = InferInputTensor {
            name: "x".into(),
            datatype: datatype.into(),
            shape: vec![2],
            contents: Some(contents),
            ..Default::default()
        };
        pb::ModelInferRequest {
            inputs: vec![input],
            raw_input_contents: raw,
            ..Default::default()
        }
    }

    #[test]
    fn typed_contents_and_raw_contents_are_the_same_tensor() {
        let contents = pb::InferTensorContents {
            int_contents: vec![-1, 7],
            ..Default::default()
        };
        let typed = inputs(&request("INT16", contents, vec![])).unwrap();
        let raw = Bytes::from([(-1_i16).to_le_bytes(), 7_i16.to_le_bytes()].concat());
        assert_eq!(
            typed,
            inputs(&request("INT16", pb::InferTensorContents::default(), vec![raw])).unwrap()
        );
    }

    #[test]
    fn contents_that_do_not_fit_are_refused() {
        let large = pb::InferTensorContents {
            int_contents: vec![1, 40_000],
            ..Default::default()
        };
        assert!(
            inputs(&request("INT16", large, vec![]))
                .unwrap_err()
                .to_string()
                .contains("40000")
        );
        let few = pb::InferTensorContents {
            fp64_contents: vec![1.0],
            ..Default::default()
        };
        assert!(inputs(&request("FP64", few, vec![])).is_err());
        assert!(inputs(&request("FP16", pb::InferTensorContents::default(), vec![])).is_err());
        let raw = vec![Bytes::from_static(&[0; 16]), Bytes::new()];
        assert!(inputs(&request("FP64", pb::InferTensorContents::default(), raw)).is_err());
        let both = pb::InferTensorContents {
            fp64_contents: vec![1.0, 2.0],
            ..Default::default()
        };
        let refused = inputs(&request("FP64", both, vec![Bytes::from_static(&[0; 16])])).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("'x' has contents beside raw_input_contents"),
            "{refused}"
        );
    }
}
