//! The binary tensor extension: JSON first, then the tensors' bytes one after the other.

use std::io::Read;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use cortex_serving::ServingError;
use cortex_types::ErrorCode;
use flate2::read::{GzDecoder, ZlibDecoder};

use crate::error::ProtocolError;

/// How long the JSON is, where bytes follow it; absent where the body is JSON alone.
pub const HEADER_LENGTH: &str = "inference-header-content-length";

/// What a compressed body may grow to.
const DECOMPRESSED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The JSON of a body, and the bytes behind it.
pub fn split(headers: &HeaderMap, body: Bytes) -> Result<(Bytes, Tail), ProtocolError> {
    let mut body = decompressed(headers, body)?;
    let Some(length) = headers.get(HEADER_LENGTH) else {
        return Ok((body, Tail(Bytes::new())));
    };
    let length = length
        .to_str()
        .ok()
        .and_then(|text| text.parse::<usize>().ok())
        .filter(|length| *length <= body.len());
    let length = length.ok_or_else(|| {
        let size = body.len();
        ServingError::Invalid(format!(
            "{HEADER_LENGTH} must be the number of bytes of JSON, at most the body's {size}"
        ))
    })?;
    let tail = body.split_off(length);
    Ok((body, Tail(tail)))
}

/// The bytes behind the JSON, taken input by input.
#[derive(Debug)]
pub struct Tail(Bytes);

impl Tail {
    pub fn take(&mut self, input: &str, size: u64) -> Result<Bytes, ServingError> {
        let size = usize::try_from(size).ok().filter(|size| *size <= self.0.len());
        let size = size.ok_or_else(|| {
            ServingError::Invalid(format!("the body ends before the binary data of input '{input}' does"))
        })?;
        Ok(self.0.split_to(size))
    }

    /// Bytes that belong to no input are a mistake in the sizes.
    pub fn finish(self) -> Result<(), ServingError> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(ServingError::Invalid(format!(
                "{left} bytes of the body belong to no input"
            ))),
        }
    }
}

fn decompressed(headers: &HeaderMap, body: Bytes) -> Result<Bytes, ProtocolError> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map_or(Ok("identity"), |value| value.to_str());
    match encoding.unwrap_or("unreadable") {
        "identity" => Ok(body),
        "gzip" => read_all(GzDecoder::new(&body[..]), DECOMPRESSED_BYTES_MAX),
        "deflate" => read_all(ZlibDecoder::new(&body[..]), DECOMPRESSED_BYTES_MAX),
        other => Err(ProtocolError::new(
            ErrorCode::UnsupportedEncoding,
            format!("content encoding '{other}' is not supported: use gzip or deflate"),
        )),
    }
}

fn read_all(reader: impl Read, most: u64) -> Result<Bytes, ProtocolError> {
    let mut bytes = Vec::new();
    let read = reader.take(most + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| ServingError::Invalid(format!("the body cannot be decompressed: {error}")))?;
    if read as u64 > most {
        let detail = format!("the body has more than {most} bytes when decompressed");
        return Err(ProtocolError::new(ErrorCode::TooLarge, detail));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::io::Write;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn bytes_are_taken_in_the_order_of_the_inputs() {
        let (json, mut tail) = split(&headers(HEADER_LENGTH, "2"), Bytes::from_static(b"{}abc")).unwrap();
        assert_eq!(&json[..], b"{}");
        assert_eq!(&tail.take("x", 1).unwrap()[..], b"a");
        assert!(tail.take("y", 3).is_err());
        assert_eq!(&tail.take("y", 2).unwrap()[..], b"bc");
        assert!(tail.finish().is_ok());
    }

    #[test]
    fn a_header_length_that_is_no_length_of_the_body_is_refused() {
        for length in ["6", "-1", "x"] {
            assert!(
                split(&headers(HEADER_LENGTH, length), Bytes::from_static(b"{}abc")).is_err(),
                "{length}"
            );
        }
        let (_, tail) = split(&headers(HEADER_LENGTH, "2"), Bytes::from_static(b"{}abc")).unwrap();
        assert!(tail.finish().is_err());
    }

    #[test]
    fn a_body_that_grows_too_large_is_told_so() {
        let refused = read_all(&b"12345"[..], 4).unwrap_err();
        assert_eq!(refused.0.0.code, ErrorCode::TooLarge);
        assert_eq!(&read_all(&b"12345"[..], 5).unwrap()[..], b"12345");
    }

    #[test]
    fn a_compressed_body_is_read_and_a_broken_one_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"{}").unwrap();
        let compressed = Bytes::from(encoder.finish().unwrap());
        let gzip = headers("content-encoding", "gzip");
        assert_eq!(&split(&gzip, compressed).unwrap().0[..], b"{}");
        assert!(split(&gzip, Bytes::from_static(b"{}")).is_err());
        assert!(split(&headers("content-encoding", "br"), Bytes::from_static(b"{}")).is_err());
    }
}
