//! Whether a request fits the model it was sent to.

use cortex_registry::{ModelSignature, TensorSpec};

use crate::{ServingError, Tensor};

/// Checks that `inputs` are exactly the signature's, each once, with its datatype and a shape that it admits (-1 admits
/// any).
pub fn check_inputs(signature: &ModelSignature, inputs: &[Tensor]) -> Result<(), ServingError> {
    for (index, input) in inputs.iter().enumerate() {
        if inputs[..index].iter().any(|earlier| earlier.name() == input.name()) {
            return Err(ServingError::Invalid(format!("input '{}' came twice", input.name())));
        }
        let expected = find(&signature.inputs, input.name()).ok_or_else(|| {
            let known = names(&signature.inputs);
            ServingError::Invalid(format!("the model has no input '{}': it takes {known}", input.name()))
        })?;
        check_input(expected, input)?;
    }
    let missing = signature
        .inputs
        .iter()
        .find(|spec| !inputs.iter().any(|input| input.name() == spec.name));
    match missing {
        Some(spec) => Err(ServingError::Invalid(format!("input '{}' is missing", spec.name))),
        None => Ok(()),
    }
}

fn check_input(expected: &TensorSpec, input: &Tensor) -> Result<(), ServingError> {
    if expected.datatype != input.datatype().as_str() {
        return Err(ServingError::WrongType {
            input: input.name().to_owned(),
            given: input.datatype().to_string(),
            expected: expected.datatype.clone(),
        });
    }
    let fits = expected.shape.len() == input.shape().len()
        && expected
            .shape
            .iter()
            .zip(input.shape())
            .all(|(wanted, given)| *wanted == -1 || wanted == given);
    if fits {
        return Ok(());
    }
    Err(ServingError::WrongShape {
        input: input.name().to_owned(),
        given: input.shape().to_vec(),
        expected: expected.shape.clone(),
    })
}

/// The model's outputs that a request names, in its order; all of them where it names none.
pub fn select_outputs<'a>(
    signature: &'a ModelSignature,
    requested: &[String],
) -> Result<Vec<&'a TensorSpec>, ServingError> {
    if requested.is_empty() {
        return Ok(signature.outputs.iter().collect());
    }
    let select = |name: &String| {
        find(&signature.outputs, name).ok_or_else(|| {
            let known = names(&signature.outputs);
            ServingError::Invalid(format!("the model has no output '{name}': it gives {known}"))
        })
    };
    requested.iter().map(select).collect()
}

fn find<'a>(specs: &'a [TensorSpec], name: &str) -> Option<&'a TensorSpec> {
    specs.iter().find(|spec| spec.name == name)
}

fn names(specs: &[TensorSpec]) -> String {
    let names: Vec<String> = specs.iter().map(|spec| format!("'{}'", spec.name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Datatype;
    use cortex_types::{Coded, ErrorCode};

    fn signature() -> ModelSignature {
        let spec = |name: &str, shape| TensorSpec {
            name: name.into(),
            datatype: "FP64".into(),
            shape,
        };
        ModelSignature {
            inputs: vec![spec("features", vec![-1, 2])],
            outputs: vec![spec("score", vec![-1, 1])],
        }
    }

    fn refused(inputs: &[Tensor]) -> (ErrorCode, String) {
        let error = check_inputs(&signature(), inputs).unwrap_err();
        (error.code(), error.to_string())
    }

    #[test]
    fn a_batch_of_any_size_fits_a_free_dimension() {
        for rows in [0_usize, 1, 7] {
            let input = Tensor::from_f64("features", vec![rows as i64, 2], &vec![0.0; rows * 2]).unwrap();
            assert!(check_inputs(&signature(), &[input]).is_ok());
        }
    }

    #[test]
    fn a_wrong_shape_names_what_came_and_what_the_model_takes() {
        let (code, message) = refused(&[Tensor::from_f64("features", vec![1, 3], &[0.0; 3]).unwrap()]);
        assert_eq!(code, ErrorCode::WrongShape);
        assert!(message.contains("[1, 3]") && message.contains("[-1, 2]"), "{message}");
        let (code, _) = refused(&[Tensor::from_f64("features", vec![2], &[0.0; 2]).unwrap()]);
        assert_eq!(code, ErrorCode::WrongShape);
    }

    #[test]
    fn a_wrong_type_names_both_types() {
        let input = Tensor::new("features", Datatype::Fp32, vec![1, 2], vec![0_u8; 8]).unwrap();
        let (code, message) = refused(&[input]);
        assert_eq!(code, ErrorCode::WrongType);
        assert!(message.contains("FP32") && message.contains("FP64"), "{message}");
    }

    #[test]
    fn an_input_that_is_unknown_missing_or_doubled_is_refused() {
        let features = Tensor::from_f64("features", vec![1, 2], &[0.0; 2]).unwrap();
        let other = Tensor::from_f64("x", vec![1, 2], &[0.0; 2]).unwrap();
        for inputs in [vec![features.clone(), other], vec![], vec![features.clone(), features]] {
            assert_eq!(refused(&inputs).0, ErrorCode::InvalidArgument);
        }
    }

    #[test]
    fn outputs_come_in_the_order_in_which_they_are_asked_for() {
        let signature = signature();
        assert_eq!(select_outputs(&signature, &[]).unwrap().len(), 1);
        let error = select_outputs(&signature, &["probability".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("'score'"), "{error}");
    }
}
