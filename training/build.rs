//! Generates the ONNX file types with protox, so that nobody needs a protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=protos/onnx.proto");
    let descriptors = protox::compile(["onnx.proto"], ["protos"])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
