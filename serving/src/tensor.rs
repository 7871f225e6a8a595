//! Tensors as the Open Inference Protocol has them: a datatype, a shape, and row-major little-endian bytes.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::ServingError;

macro_rules! datatypes {
    ($($name:ident = $text:literal, $width:expr;)+) => {
        /// Datatypes of the Open Inference Protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Datatype { $($name,)+ }

        impl Datatype {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Bytes per element; `None` for `BYTES`, whose elements each carry a four-byte length.
            #[must_use]
            pub const fn width(self) -> Option<usize> {
                match self { $(Self::$name => $width,)+ }
            }
        }
    };
}

datatypes! {
    Bool = "BOOL", Some(1);
    Uint8 = "UINT8", Some(1);
    Uint16 = "UINT16", Some(2);
    Uint32 = "UINT32", Some(4);
    Uint64 = "UINT64", Some(8);
    Int8 = "INT8", Some(1);
    Int16 = "INT16", Some(2);
    Int32 = "INT32", Some(4);
    Int64 = "INT64", Some(8);
    Fp16 = "FP16", Some(2);
    Fp32 = "FP32", Some(4);
    Fp64 = "FP64", Some(8);
    Bf16 = "BF16", Some(2);
    Bytes = "BYTES", None;
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Datatype {
    type Err = ServingError;
    fn from_str(text: &str) -> Result<Self, ServingError> {
        Self::ALL
            .iter()
            .copied()
            .find(|datatype| datatype.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<&str> = Self::ALL.iter().map(|datatype| datatype.as_str()).collect();
                ServingError::Invalid(format!("'{text}' is not a datatype: use one of {}", known.join(", ")))
            })
    }
}

/// A named tensor whose bytes are known to fit its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    name: String,
    datatype: Datatype,
    shape: Vec<i64>,
    data: Bytes,
}

impl Tensor {
    /// `data` is row-major and little-endian; `BYTES` elements carry a four-byte length each.
    ///
    /// [`ServingError::Invalid`] where a dimension is negative or the bytes do not fit the shape.
    pub fn new(
        name: impl Into<String>,
        datatype: Datatype,
        shape: Vec<i64>,
        data: impl Into<Bytes>,
    ) -> Result<Self, ServingError> {
        let (name, data) = (name.into(), data.into());
        let elements = element_count(&shape)
            .ok_or_else(|| ServingError::Invalid(format!("tensor '{name}' cannot have the shape {shape:?}")))?;
        match datatype.width() {
            Some(width) if elements.checked_mul(width) == Some(data.len()) => {}
            Some(width) => {
                return Err(ServingError::Invalid(format!(
                    "tensor '{name}' of {datatype} {shape:?} takes {elements} elements of {width} bytes, not {} bytes",
                    data.len()
                )));
            }
            None => check_byte_elements(&name, &data, elements)?,
        }
        Ok(Self {
            name,
            datatype,
            shape,
            data,
        })
    }

    /// An `FP64` tensor.
    pub fn from_f64(name: impl Into<String>, shape: Vec<i64>, values: &[f64]) -> Result<Self, ServingError> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::new(name, Datatype::Fp64, shape, bytes)
    }

    /// A `BYTES` tensor.
    pub fn from_elements<E: AsRef<[u8]>>(
        name: impl Into<String>,
        shape: Vec<i64>,
        elements: impl IntoIterator<Item = E>,
    ) -> Result<Self, ServingError> {
        let name = name.into();
        let mut bytes = Vec::new();
        for element in elements {
            let element = element.as_ref();
            let length = u32::try_from(element.len())
                .map_err(|_| ServingError::Invalid(format!("an element of tensor '{name}' is longer than 4 GiB")))?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(element);
        }
        Self::new(name, Datatype::Bytes, shape, bytes)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn datatype(&self) -> Datatype {
        self.datatype
    }

    #[must_use]
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// Row-major, little-endian; `BYTES` elements with a four-byte length each.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Size of the first dimension, which is how many rows a batch has; 1 for a scalar.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.shape.first().map_or(1, |rows| u64::try_from(*rows).unwrap_or(0))
    }

    /// The elements of a `BYTES` tensor, without their lengths.
    pub fn elements(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest: &[u8] = if self.datatype == Datatype::Bytes {
            &self.data
        } else {
            &[]
        };
        std::iter::from_fn(move || {
            let (element, after) = split_element(rest)?;
            rest = after;
            Some(element)
        })
    }

    /// The values of an `FP64` or `FP32` tensor.
    pub fn to_f64(&self) -> Result<Vec<f64>, ServingError> {
        match self.datatype {
            Datatype::Fp64 => Ok(self
                .data
                .as_chunks::<8>()
                .0
                .iter()
                .map(|bytes| f64::from_le_bytes(*bytes))
                .collect()),
            Datatype::Fp32 => Ok(self
                .data
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
                .collect()),
            other => Err(ServingError::Invalid(format!(
                "tensor '{}' is {other}, but a number is needed",
                self.name
            ))),
        }
    }
}

/// Elements of a shape without free dimensions; `None` where a dimension is negative or the product overflows.
#[must_use]
pub fn element_count(shape: &[i64]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, dimension| {
        count.checked_mul(usize::try_from(*dimension).ok()?)
    })
}

fn split_element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

fn check_byte_elements(name: &str, data: &[u8], elements: usize) -> Result<(), ServingError> {
    let mut rest = data;
    for index in 0..elements {
        let (_, after) = split_element(rest).ok_or_else(|| {
            ServingError::Invalid(format!(
                "BYTES tensor '{name}' ends in its element {index}, but its shape has {elements}"
            ))
        })?;
        rest = after;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let left = rest.len();
    Err(ServingError::Invalid(format!(
        "BYTES tensor '{name}' has {left} bytes after its {elements} elements"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_whose_bytes_do_not_fit_its_shape_is_refused() {
        for (shape, bytes) in [
            (vec![2, 2], 31),
            (vec![2, 2], 33),
            (vec![-1, 2], 32),
            (vec![i64::MAX, i64::MAX], 8),
        ] {
            let error = Tensor::new("x", Datatype::Fp64, shape.clone(), vec![0_u8; bytes]).unwrap_err();
            assert!(error.to_string().contains("'x'"), "{shape:?} of {bytes} bytes: {error}");
        }
        assert!(Tensor::new("x", Datatype::Fp64, vec![2, 2], vec![0_u8; 32]).is_ok());
    }

    #[test]
    fn byte_elements_come_out_as_they_went_in() {
        let tensor = Tensor::from_elements("text", vec![3], ["", "a", "größer"]).unwrap();
        let elements: Vec<&[u8]> = tensor.elements().collect();
        assert_eq!(elements, ["".as_bytes(), b"a", "größer".as_bytes()]);
    }

    #[test]
    fn byte_elements_that_end_early_or_late_are_refused() {
        let whole = Tensor::from_elements("text", vec![2], ["ab", "c"])
            .unwrap()
            .data()
            .to_vec();
        let cut = whole[..whole.len() - 1].to_vec();
        assert!(Tensor::new("text", Datatype::Bytes, vec![2], cut).is_err());
        assert!(Tensor::new("text", Datatype::Bytes, vec![1], whole).is_err());
    }

    #[test]
    fn every_datatype_reads_back_from_its_name() {
        for datatype in Datatype::ALL {
            assert_eq!(datatype.as_str().parse::<Datatype>().unwrap(), *datatype);
        }
        assert!("FP8".parse::<Datatype>().unwrap_err().to_string().contains("BF16"));
    }
}
