//! The ERP over gRPC, asked by somebody who has nothing but the server's own description.

use std::process::Command;

use anyhow::{Result, ensure};
use cortex_tests::binary::{self, Server};

#[test]
fn a_foreign_client_finds_every_operation_and_does_business() -> Result<()> {
    let Ok(python) = std::env::var("CORTEX_PYTHON") else {
        eprintln!("SKIPPED grpcio: CORTEX_PYTHON names no Python that has it (./devstack test installs one)");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = Server::start(&data)?;
    let output = Command::new(python)
        .arg("conformance/erp_grpc_check.py")
        .args(["--http", &server.http, "--grpc", &server.grpc])
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "grpcio: {printed}");
    drop(server);
    let verified = binary::run(&data, &["erp", "verify"])?;
    ensure!(verified.contains("the books hold"), "{verified}");
    Ok(())
}
