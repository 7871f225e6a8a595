//! Generates the wire types with protox, so that nobody needs a protoc.

use std::path::{Path, PathBuf};

use prost_types::FileDescriptorProto;

fn proto_files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            proto_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("protos");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    proto_files(root, &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    // The ERP's service is served by its descriptors: no trait with a method for each of its rpcs.
    let is_erp = |file: &FileDescriptorProto| file.package().starts_with("cortex.erp");
    let mut erp = descriptors.clone();
    erp.file
        .retain(|file| is_erp(file) || file.package() == "google.protobuf");
    let mut others = descriptors;
    others.file.retain(|file| !is_erp(file));
    tonic_prost_build::configure().build_server(false).compile_fds(erp)?;
    tonic_prost_build::configure().bytes(".inference").compile_fds(others)?;
    Ok(())
}
