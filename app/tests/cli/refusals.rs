//! What the binary refuses, with which code, and what it says to do.

use super::place::{Place, text};

/// Fails with this code, and says this.
fn refused(place: &Place, args: &[&str], code: &str, says: &str) {
    let output = place.run(args);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    assert!(error.contains(&format!("error[{code}]")), "{args:?}: {error}");
    assert!(error.contains(says), "{args:?}: {error}");
}

/// A mistake in the arguments, told before anything is opened.
fn misused(place: &Place, args: &[&str], says: &str) {
    let output = place.run(args);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
    assert!(error.contains(says), "{args:?}: {error}");
}

#[test]
fn arguments_that_nobody_can_mean_are_usage_errors_that_say_what_is_meant() {
    let place = Place::new();
    let token = ["token", "create", "--name", "ada", "--role", "admin", "--expires-in"];
    misused(&place, &[&token[..], &["0s"]].concat(), "1s to 3650d");
    misused(&place, &[&token[..], &["99999999d"]].concat(), "at most");
    misused(&place, &["models", "promote", "m", "abc"], "1, 2, 3");
    misused(&place, &["models", "alias", "m", "champion", "0"], "1, 2, 3");
    misused(
        &place,
        &["erp", "import", "online-retail", "f.csv", "--known-delay", "99999999d"],
        "at most",
    );
    assert!(!place.data().exists());
}

#[test]
fn what_does_not_exist_or_cannot_be_is_refused_by_every_command() {
    let place = Place::new();
    let score = |job| ["score", "repurchase-30d", "--job", job];
    refused(&place, &score(""), "invalid-argument", "is no name for a job");
    refused(&place, &score("../../x"), "invalid-argument", "is no name for a job");
    refused(
        &place,
        &["train", "repurchase-30d", "--as-of", "2099-01-01"],
        "invalid-argument",
        "in the future",
    );
    refused(
        &place,
        &["experience", "show", "--model", "nope"],
        "unknown-model",
        "nope",
    );
    refused(&place, &["features", "show", ""], "invalid-argument", "KEY is empty");
    refused(
        &place,
        &["models", "alias", "repurchase-30d", "Champion", "1"],
        "invalid-argument",
        "'champion'",
    );
    let token = ["token", "create", "--role", "viewer", "--name"];
    refused(
        &place,
        &[&token[..], &["a\nb"]].concat(),
        "invalid-argument",
        "control characters",
    );
    assert!(place.said(&["experience", "show"]).contains("0 decisions"));
}

#[test]
fn a_token_for_a_tenant_that_nobody_knows_is_made_with_a_note() {
    let place = Place::new();
    let notes = |tenant: &[&str]| {
        let args = [&["token", "create", "--name", "ada", "--role", "viewer"], tenant].concat();
        text(&place.run(&args).stderr).contains("is new")
    };
    assert!(!notes(&[]), "the configured tenant was not typed");
    assert!(notes(&["--tenant", "other"]));
    assert!(!notes(&["--tenant", "other"]), "it has a token now");
}

#[test]
fn a_demo_that_cannot_begin_has_the_code_of_the_reason_and_leaves_what_was_there() {
    let place = Place::new();
    let kept = place.data().join("kept");
    std::fs::create_dir(place.data()).unwrap();
    std::fs::write(&kept, "").unwrap();
    refused(&place, &["demo"], "invalid-argument", "no demo made");
    std::fs::write(place.data().join("made-by-demo"), "").unwrap();
    refused(
        &place,
        &["demo", "--input", "/nope.csv"],
        "invalid-argument",
        "/nope.csv",
    );
    assert!(kept.exists(), "the demo of before is gone");
}

#[test]
fn the_doctor_finds_a_damaged_database() {
    let place = Place::new();
    place.said(&["migrate"]);
    let database = std::fs::read_dir(place.data())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "db"))
        .unwrap();
    let doctor = || {
        let mut command = place.command(&["doctor"]);
        command
            .env("CORTEX__HTTP__ADDR", "127.0.0.1:0")
            .env("CORTEX__GRPC__ADDR", "127.0.0.1:0");
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let (code, report) = doctor();
    assert!(code == Some(0) && report.contains("is sound"), "{report}");

    let mut bytes = std::fs::read(&database).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xA5);
    std::fs::write(&database, &bytes).unwrap();
    let (code, report) = doctor();
    assert_eq!(code, Some(1), "{report}");
    assert!(
        report.contains("FAIL  database") && report.contains("is damaged"),
        "{report}"
    );

    std::fs::write(&database, "no database").unwrap();
    let (code, report) = doctor();
    assert!(code == Some(1) && report.contains("FAIL  database"), "{report}");
}
