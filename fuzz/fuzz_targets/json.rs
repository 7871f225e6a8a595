#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cortex_erp_api::fuzzing::run("json", bytes));
