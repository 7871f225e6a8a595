#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cortex_ingest_postgres::fuzzing::run("pgcopy", bytes));
