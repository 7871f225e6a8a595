//! Tensors of the protocol to values of ONNX Runtime, and back.
//!
//! Elements are decoded from and to little-endian bytes one by one, so that neither alignment nor the machine's byte
//! order matters.

use bytes::Bytes;
use cortex_serving::{Datatype, ServingError, Tensor};
use half::{bf16, f16};
use ort::value::{DynValue, ValueType};

use crate::signature;

/// The conversions of one datatype with a fixed width.
macro_rules! decode {
    ($tensor:expr, $kind:ty, $width:literal) => {{
        let (elements, _) = $tensor.data().as_chunks::<$width>();
        let elements: Vec<$kind> = elements.iter().map(|bytes| <$kind>::from_le_bytes(*bytes)).collect();
        ort::value::Tensor::from_array(($tensor.shape().to_vec(), elements)).map(|value| value.into_dyn())
    }};
}

macro_rules! encode {
    ($value:expr, $kind:ty) => {{
        let (_, elements) = $value.try_extract_tensor::<$kind>().map_err(inference_error)?;
        elements
            .iter()
            .flat_map(|element| element.to_le_bytes())
            .collect::<Vec<u8>>()
            .into()
    }};
}

/// Copies a tensor into a value. Strings must be UTF-8 without NUL characters.
pub fn to_value(tensor: &Tensor) -> Result<DynValue, ServingError> {
    let value = match tensor.datatype() {
        Datatype::Bool => {
            let elements: Vec<bool> = tensor.data().iter().map(|byte| *byte != 0).collect();
            ort::value::Tensor::from_array((tensor.shape().to_vec(), elements)).map(|value| value.into_dyn())
        }
        Datatype::Uint8 => decode!(tensor, u8, 1),
        Datatype::Uint16 => decode!(tensor, u16, 2),
        Datatype::Uint32 => decode!(tensor, u32, 4),
        Datatype::Uint64 => decode!(tensor, u64, 8),
        Datatype::Int8 => decode!(tensor, i8, 1),
        Datatype::Int16 => decode!(tensor, i16, 2),
        Datatype::Int32 => decode!(tensor, i32, 4),
        Datatype::Int64 => decode!(tensor, i64, 8),
        Datatype::Fp16 => decode!(tensor, f16, 2),
        Datatype::Fp32 => decode!(tensor, f32, 4),
        Datatype::Fp64 => decode!(tensor, f64, 8),
        Datatype::Bf16 => decode!(tensor, bf16, 2),
        Datatype::Bytes => {
            let elements = strings(tensor)?;
            ort::value::Tensor::from_string_array((tensor.shape().to_vec(), elements.as_slice()))
                .map(|value| value.into_dyn())
        }
    };
    value.map_err(inference_error)
}

fn strings(tensor: &Tensor) -> Result<Vec<String>, ServingError> {
    let text = |(index, element)| match std::str::from_utf8(element) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(ServingError::Invalid(format!(
            "element {index} of BYTES tensor '{}' is not text: the model takes UTF-8 without NUL characters",
            tensor.name()
        ))),
    };
    tensor.elements().enumerate().map(text).collect()
}

/// Copies a value into a tensor.
pub fn to_tensor(name: &str, value: &DynValue) -> Result<Tensor, ServingError> {
    let unservable = || ServingError::Inference(format!("output '{name}' is a {}, not a tensor", value.dtype()));
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Err(unservable());
    };
    let datatype = signature::datatype(*ty).ok_or_else(unservable)?;
    let shape = shape.to_vec();
    let data: Bytes = match datatype {
        Datatype::Bool => {
            let (_, elements) = value.try_extract_tensor::<bool>().map_err(inference_error)?;
            elements
                .iter()
                .map(|element| u8::from(*element))
                .collect::<Vec<u8>>()
                .into()
        }
        Datatype::Uint8 => encode!(value, u8),
        Datatype::Uint16 => encode!(value, u16),
        Datatype::Uint32 => encode!(value, u32),
        Datatype::Uint64 => encode!(value, u64),
        Datatype::Int8 => encode!(value, i8),
        Datatype::Int16 => encode!(value, i16),
        Datatype::Int32 => encode!(value, i32),
        Datatype::Int64 => encode!(value, i64),
        Datatype::Fp16 => encode!(value, f16),
        Datatype::Fp32 => encode!(value, f32),
        Datatype::Fp64 => encode!(value, f64),
        Datatype::Bf16 => encode!(value, bf16),
        Datatype::Bytes => {
            let (_, elements) = value.try_extract_strings().map_err(inference_error)?;
            return Tensor::from_elements(name, shape, elements);
        }
    };
    Tensor::new(name, datatype, shape, data)
}

/// What ONNX Runtime calls an invalid argument is the caller's; everything else is a failure of the run.
pub fn inference_error(error: ort::Error) -> ServingError {
    match error.code() {
        ort::ErrorCode::InvalidArgument => ServingError::Invalid(error.to_string()),
        _ => ServingError::Inference(error.to_string()),
    }
}
