//! What a session takes and gives, in the protocol's words.

use cortex_registry::{ModelSignature, TensorSpec};
use cortex_serving::Datatype;
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

/// The signature that the file itself has; what it says of an input or output that the protocol cannot carry.
pub fn read(session: &Session) -> Result<ModelSignature, String> {
    let inputs = session.inputs().iter().map(spec).collect::<Result<_, _>>()?;
    let outputs = session.outputs().iter().map(spec).collect::<Result<_, _>>()?;
    Ok(ModelSignature { inputs, outputs })
}

fn spec(outlet: &Outlet) -> Result<TensorSpec, String> {
    let name = outlet.name().to_owned();
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!(
            "'{name}' is a {}, but only tensors can be served",
            outlet.dtype()
        ));
    };
    let datatype = datatype(*ty).ok_or_else(|| format!("'{name}' is a tensor of {ty}, which cannot be served"))?;
    let shape = shape.iter().map(|dimension| (*dimension).max(-1)).collect();
    Ok(TensorSpec {
        name,
        datatype: datatype.to_string(),
        shape,
    })
}

/// `None` for element types that the Open Inference Protocol has no word for.
pub const fn datatype(element: TensorElementType) -> Option<Datatype> {
    Some(match element {
        TensorElementType::Bool => Datatype::Bool,
        TensorElementType::Uint8 => Datatype::Uint8,
        TensorElementType::Uint16 => Datatype::Uint16,
        TensorElementType::Uint32 => Datatype::Uint32,
        TensorElementType::Uint64 => Datatype::Uint64,
        TensorElementType::Int8 => Datatype::Int8,
        TensorElementType::Int16 => Datatype::Int16,
        TensorElementType::Int32 => Datatype::Int32,
        TensorElementType::Int64 => Datatype::Int64,
        TensorElementType::Float16 => Datatype::Fp16,
        TensorElementType::Float32 => Datatype::Fp32,
        TensorElementType::Float64 => Datatype::Fp64,
        TensorElementType::Bfloat16 => Datatype::Bf16,
        TensorElementType::String => Datatype::Bytes,
        _ => return None,
    })
}
