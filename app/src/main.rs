//! Arguments, run, exit code. Everything else is in the library, so that tests and the benchmark can use it too.

use std::process::ExitCode;

use clap::Parser;
use cortex::cli::Cli;

/// Of C's allocators too, and of the libraries that are loaded later: one heap, whoever asks.
#[cfg(target_os = "linux")]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// ONNX Runtime reports its use to its makers over HTTPS, and keeps what it reports in a database in the home folder,
/// unless it is told otherwise before it is loaded; its own switch leaves the database and its threads.
fn silence_onnx_runtime() {
    // SAFETY: nothing else runs in this process yet that could read the environment meanwhile.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
}

fn main() -> ExitCode {
    silence_onnx_runtime();
    // A mistake in the arguments ends the process here, with exit code 2 and how it is meant.
    let cli = Cli::parse();
    cortex::crash::arm_from_environment();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error[internal]: the threads of this process could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli.command.run(&cli.globals)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
