/// Benchmarks talk to a terminal.
#[allow(clippy::print_stdout)]
pub fn show(line: &str) {
    println!("{line}");
}
