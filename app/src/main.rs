//! Arguments, run, exit code. Everything else is in the library, so that tests and the benchmark can use it too.

use std::process::ExitCode;

use clap::Parser;
use cortex::cli::Cli;

fn main() -> ExitCode {
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
