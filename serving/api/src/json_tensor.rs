//! Tensor elements as JSON: numbers, booleans and texts, flat or nested in row-major order.

use cortex_serving::{Datatype, ServingError, Tensor};
use half::{bf16, f16};
use serde_json::Value;

/// Parses the `data` of an input. JSON has no NaN, so `null` stands for it in a floating-point tensor.
pub fn parse(name: String, datatype: Datatype, shape: Vec<i64>, data: &Value) -> Result<Tensor, ServingError> {
    let mut elements = Vec::new();
    flatten(data, &mut elements);
    if datatype == Datatype::Bytes {
        let texts = elements
            .iter()
            .map(|element| element.as_str().ok_or_else(|| unfit(&name, datatype, element)));
        let texts: Vec<&str> = texts.collect::<Result<_, _>>()?;
        return Tensor::from_elements(name, shape, texts);
    }
    let mut bytes = Vec::with_capacity(elements.len() * datatype.width().unwrap_or(0));
    for element in elements {
        push(&mut bytes, datatype, element).ok_or_else(|| unfit(&name, datatype, element))?;
    }
    Tensor::new(name, datatype, shape, bytes)
}

fn flatten<'a>(value: &'a Value, elements: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| flatten(value, elements)),
        scalar => elements.push(scalar),
    }
}

fn unfit(name: &str, datatype: Datatype, element: &Value) -> ServingError {
    ServingError::Invalid(format!(
        "input '{name}' has the element {element}, which is no {datatype}"
    ))
}

/// `None` where the element is no value of the datatype.
fn push(bytes: &mut Vec<u8>, datatype: Datatype, element: &Value) -> Option<()> {
    macro_rules! integer {
        ($kind:ty, $read:ident) => {
            bytes.extend_from_slice(&<$kind>::try_from(element.$read()?).ok()?.to_le_bytes())
        };
    }
    match datatype {
        Datatype::Bool => bytes.push(u8::from(element.as_bool()?)),
        Datatype::Uint8 => integer!(u8, as_u64),
        Datatype::Uint16 => integer!(u16, as_u64),
        Datatype::Uint32 => integer!(u32, as_u64),
        Datatype::Uint64 => integer!(u64, as_u64),
        Datatype::Int8 => integer!(i8, as_i64),
        Datatype::Int16 => integer!(i16, as_i64),
        Datatype::Int32 => integer!(i32, as_i64),
        Datatype::Int64 => integer!(i64, as_i64),
        Datatype::Fp16 => bytes.extend_from_slice(&f16::from_f64(float(element)?).to_le_bytes()),
        Datatype::Bf16 => bytes.extend_from_slice(&bf16::from_f64(float(element)?).to_le_bytes()),
        Datatype::Fp32 => bytes.extend_from_slice(&(float(element)? as f32).to_le_bytes()),
        Datatype::Fp64 => bytes.extend_from_slice(&float(element)?.to_le_bytes()),
        Datatype::Bytes => return None,
    }
    Some(())
}

fn float(element: &Value) -> Option<f64> {
    if element.is_null() {
        Some(f64::NAN)
    } else {
        element.as_f64()
    }
}

/// The elements, flat. Bytes that are no text cannot be written as JSON: they must be asked for as binary.
pub fn write(tensor: &Tensor) -> Result<Vec<Value>, ServingError> {
    macro_rules! elements {
        ($kind:ty, $width:literal) => {{
            let (elements, _) = tensor.data().as_chunks::<$width>();
            elements
                .iter()
                .map(|bytes| Value::from(<$kind>::from_le_bytes(*bytes)))
                .collect()
        }};
        ($kind:ty, $width:literal, $widen:expr) => {{
            let (elements, _) = tensor.data().as_chunks::<$width>();
            elements
                .iter()
                .map(|bytes| Value::from($widen(<$kind>::from_le_bytes(*bytes))))
                .collect()
        }};
    }
    Ok(match tensor.datatype() {
        Datatype::Bool => tensor.data().iter().map(|byte| Value::from(*byte != 0)).collect(),
        Datatype::Uint8 => elements!(u8, 1),
        Datatype::Uint16 => elements!(u16, 2),
        Datatype::Uint32 => elements!(u32, 4),
        Datatype::Uint64 => elements!(u64, 8),
        Datatype::Int8 => elements!(i8, 1),
        Datatype::Int16 => elements!(i16, 2),
        Datatype::Int32 => elements!(i32, 4),
        Datatype::Int64 => elements!(i64, 8),
        Datatype::Fp16 => elements!(f16, 2, f64::from),
        Datatype::Bf16 => elements!(bf16, 2, f64::from),
        Datatype::Fp32 => elements!(f32, 4),
        Datatype::Fp64 => elements!(f64, 8),
        Datatype::Bytes => tensor
            .elements()
            .map(|element| text(tensor.name(), element))
            .collect::<Result<_, _>>()?,
    })
}

fn text(name: &str, element: &[u8]) -> Result<Value, ServingError> {
    std::str::from_utf8(element).map(Value::from).map_err(|_| {
        ServingError::Invalid(format!(
            "output '{name}' has bytes that are no text: ask for it with binary_data"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_and_flat_data_are_the_same_tensor() {
        let parse = |data| parse("x".into(), Datatype::Fp64, vec![2, 2], &data).unwrap();
        assert_eq!(parse(json!([[1, 2.5], [3, 4]])), parse(json!([1, 2.5, 3, 4])));
    }

    #[test]
    fn a_missing_value_travels_as_null() {
        let tensor = parse("x".into(), Datatype::Fp64, vec![2], &json!([null, 1.0])).unwrap();
        assert!(tensor.to_f64().unwrap()[0].is_nan());
        assert_eq!(write(&tensor).unwrap(), [Value::Null, json!(1.0)]);
        assert!(parse("x".into(), Datatype::Int64, vec![1], &json!([null])).is_err());
    }

    #[test]
    fn an_element_that_does_not_fit_its_type_is_named() {
        for (datatype, data) in [
            (Datatype::Uint8, json!([256])),
            (Datatype::Int8, json!([-129])),
            (Datatype::Int64, json!([1.5])),
            (Datatype::Bool, json!([1])),
            (Datatype::Fp32, json!(["1"])),
            (Datatype::Bytes, json!([1])),
        ] {
            let error = parse("x".into(), datatype, vec![1], &data).unwrap_err().to_string();
            assert!(error.contains("'x'") && error.contains(datatype.as_str()), "{error}");
        }
    }

    #[test]
    fn every_datatype_survives_the_way_there_and_back() {
        for (datatype, data) in [
            (Datatype::Bool, json!([true, false])),
            (Datatype::Uint8, json!([0, 255])),
            (Datatype::Uint16, json!([0, 65535])),
            (Datatype::Uint32, json!([0, 4_294_967_295_u32])),
            (Datatype::Uint64, json!([0, u64::MAX])),
            (Datatype::Int8, json!([-128, 127])),
            (Datatype::Int16, json!([-32768, 1])),
            (Datatype::Int32, json!([i32::MIN, 1])),
            (Datatype::Int64, json!([i64::MIN, i64::MAX])),
            (Datatype::Fp16, json!([0.5, -2.0])),
            (Datatype::Bf16, json!([0.5, -2.0])),
            (Datatype::Fp32, json!([0.5, -2.0])),
            (Datatype::Fp64, json!([0.1, -2.0])),
            (Datatype::Bytes, json!(["größer", ""])),
        ] {
            let tensor = parse("x".into(), datatype, vec![2], &data).unwrap();
            assert_eq!(Value::Array(write(&tensor).unwrap()), data, "{datatype}");
        }
    }
}
