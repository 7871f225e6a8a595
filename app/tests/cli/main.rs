//! The real binary, as a person or an init system drives it.

mod place;
mod refusals;

use serde_json::{Value, json};

use place::{Place, files, text};

#[test]
fn every_setting_is_shown_with_where_it_came_from_and_secrets_are_masked() {
    let place = Place::new();
    std::fs::create_dir(place.folder.path().join("config")).unwrap();
    std::fs::write(
        place.folder.path().join("config/base.yaml"),
        "http: {timeout_ms: 1234}\n",
    )
    .unwrap();
    let mut command = place.command(&["config", "show", "--format", "json"]);
    let output = command
        .env("CORTEX__SECURITY__MASTER_KEY", "hunter2")
        .env("CORTEX__INGEST__LINGER_MS", "7")
        .output()
        .unwrap();
    let settings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let origin = |key: &str| {
        let setting = settings.iter().find(|setting| setting["key"] == key).unwrap();
        format!("{} {}", setting["value"], setting["origin"])
    };
    assert!(origin("http.timeout_ms").starts_with("1234") && origin("http.timeout_ms").contains("base.yaml"));
    assert!(origin("ingest.linger_ms").contains("CORTEX__INGEST__LINGER_MS"));
    assert!(origin("data_dir").contains("--data"));
    assert!(origin("drain_timeout_ms").contains("default"));
    assert!(!text(&output.stdout).contains("hunter2"));
    assert!(place.said(&["config", "show"]).contains("http.addr"));
}

#[test]
fn a_bad_setting_is_refused_with_its_key_its_origin_and_what_is_allowed() {
    for (variable, value, named) in [
        ("CORTEX__HTTP__PORT", "80", "http.addr"),
        ("CORTEX__TENANT__CURRENCY", "ABC", "ISO 4217"),
    ] {
        let place = Place::new();
        let output = place
            .command(&["config", "show"])
            .env(variable, value)
            .output()
            .unwrap();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(error.starts_with("error[invalid-configuration]"), "{error}");
        assert!(error.contains(variable) && error.contains(named), "{error}");
    }
}

#[test]
fn a_typing_mistake_is_a_usage_error() {
    assert_eq!(Place::new().run(&["upp"]).status.code(), Some(2));
}

#[test]
fn an_open_address_without_authentication_is_refused_before_anything_is_made() {
    let place = Place::new();
    let output = place.run(&["up", "--http", "0.0.0.0:0"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains("error[insecure-bind]") && error.contains("security.authentication: tokens"),
        "{error}"
    );
    assert!(!place.data().exists());
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    std::fs::write(place.data(), "a file stands where the folder should").unwrap();
    for command in ["up", "migrate", "doctor"] {
        let output = place.run(&[command]);
        let (error, report) = (text(&output.stderr), text(&output.stdout));
        assert_eq!(output.status.code(), Some(1), "{command}");
        if command != "doctor" {
            assert!(error.contains("error[storage-failed]"), "{command}: {error}");
        }
        assert!(
            format!("{error}{report}").contains(place.data().to_str().unwrap()),
            "{command}: {error}"
        );
    }
}

#[test]
fn a_dry_run_boots_and_leaves_the_data_folder_as_it_is() {
    let place = Place::new();
    assert!(place.said(&["up", "--dry-run"]).contains("it would start"));
    assert!(!place.data().exists());
    place.said(&["migrate"]);
    let before = files(&place.data());
    assert!(place.said(&["up", "--dry-run"]).contains("it would start"));
    assert_eq!(files(&place.data()), before);
}

#[test]
fn migrating_twice_does_nothing_the_second_time() {
    let place = Place::new();
    assert!(place.said(&["up", "--migrate-only"]).contains("up to date"));
    assert!(place.said(&["migrate"]).contains("nothing to do"));
}

#[tokio::test]
async fn it_boots_in_order_serves_and_drains_on_sigterm() {
    let place = Place::new();
    let server = place.up(&[]);
    let steps: Vec<&str> = server
        .boot
        .iter()
        .filter_map(|event| event["boot_step"].as_str())
        .collect();
    assert_eq!(steps, ["CFG", "IOC", "SPV", "MOD", "ROUTES", "HEALTH"]);
    assert!(
        server
            .boot
            .iter()
            .filter(|event| event["boot_step"].is_string())
            .all(|event| { event["trace_id"] == server.boot[0]["trace_id"] && event["duration_ms"].is_u64() })
    );

    assert_eq!(server.get("/healthz", &[]).await.0, 200);
    let (status, ready) = server.get("/readyz", &[]).await;
    assert_eq!((status, &ready["phase"]), (200, &Value::from("ready")));
    assert!(
        ready["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .any(|dependency| dependency["name"] == "database")
    );
    assert_eq!(server.get("/openapi.json", &[]).await.1["openapi"], "3.1.0");
    let (_, metrics) = server.get("/metrics", &[]).await;
    assert!(metrics.as_str().unwrap().contains("cortex_http_requests_total"));
    let (status, problem) = server.get("/nowhere", &[]).await;
    assert_eq!((status, &problem["code"]), (404, &Value::from("not-found")));

    let second = place.run(&["migrate"]);
    assert!(
        text(&second.stderr).contains("error[data-in-use]"),
        "{}",
        text(&second.stderr)
    );

    let (code, log) = server.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("draining") && log.contains("nothing was lost"), "{log}");
}

#[tokio::test]
async fn a_token_opens_its_own_tenant_until_it_expires_or_is_revoked() {
    let place = Place::new();
    let create = |args: &[&str]| {
        let args = [&["token", "create", "--name", "ada", "--role", "admin"], args].concat();
        format!("Bearer {}", place.said(&args).trim())
    };
    let (token, old) = (create(&[]), create(&["--expires-in", "1s"]));
    // A folder that lives in the past is no place where a token lives longer.
    let mark = "clock-behind-seconds: 400000000\n";
    std::fs::write(place.data().join("made-by-demo"), mark).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let server = place.up(&[("CORTEX__SECURITY__AUTHENTICATION", "tokens")]);
    let code = |status: u16, body: &Value| format!("{status} {}", body["code"].as_str().unwrap_or_default());

    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "401 unauthenticated"),
        (&[("authorization", "Bearer nonsense")], "401 unauthenticated"),
        (&[("authorization", &old)], "401 token-expired"),
        (
            &[("authorization", &token), ("x-cortex-tenant", "other")],
            "403 wrong-tenant",
        ),
        // Past the door: nothing is there.
        (
            &[("authorization", &token), ("x-cortex-tenant", "main")],
            "404 not-found",
        ),
    ];
    for (headers, expected) in cases {
        let (status, body) = server.get("/nowhere", headers).await;
        assert_eq!(code(status, &body), expected);
    }

    let listed = place.said(&["token", "list"]);
    assert!(listed.contains("expired") && listed.contains("no expiry") && !listed.contains(token.split_at(14).1));
    let id = listed
        .lines()
        .find(|line| line.contains("no expiry"))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    place.said(&["token", "revoke", id]);
    let (status, body) = server.get("/nowhere", &[("authorization", &token)]).await;
    assert_eq!(code(status, &body), "401 unauthenticated");
    assert!(place.said(&["audit", "verify"]).contains("the audit chain holds"));
}

#[tokio::test]
async fn an_invoice_becomes_a_feature_and_stands_in_the_lake() {
    let place = Place::new();
    let server = place.up(&[]);
    let documents = [
        (
            "/erp/v1/parties",
            json!({"code": "C1", "kind": "customer", "name": "Ada Lovelace", "country": "GB"}),
        ),
        (
            "/erp/v1/products",
            json!({"code": "P1", "description": "Mug", "kind": "goods"}),
        ),
        (
            "/erp/v1/sales-invoices",
            json!({"customer": "C1", "lines": [{"product": "P1", "quantity": "3", "net": "7.50"}]}),
        ),
    ];
    for (path, body) in documents {
        let (status, answer) = server.post(path, body).await;
        assert_eq!(status, 201, "{path}: {answer}");
    }
    let wanted = json!({"features": ["customer_sales:orders_7d"], "entities": {"customer_code": ["C1"]}});
    let mut served = Value::Null;
    for _ in 0..400 {
        served = server.post("/get-online-features", wanted.clone()).await.1;
        if served["results"][1]["values"][0] == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(served["results"][1]["values"][0], 1, "{served}");

    let (code, log) = server.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    let listed = place.said(&["lake", "ls"]);
    assert!(listed.contains("bronze/sales_invoices"), "{listed}");
    let counted = place.said(&[
        "lake",
        "sql",
        "SELECT sum(net_minor) AS net FROM bronze.sales_invoice_lines",
    ]);
    assert!(counted.contains("750"), "{counted}");
    let names = place.said(&["lake", "sql", "SELECT name_sealed FROM bronze.parties"]);
    assert!(names.contains("v1.") && !names.contains("Ada"), "{names}");
    assert!(place.said(&["features", "verify"]).contains("are what the lake says"));
    assert!(place.said(&["erp", "verify"]).contains("the books hold"));

    let party = "/erp/v1/parties/C1";
    let server = place.up(&[]);
    assert_eq!(server.get(party, &[]).await.1["name"], "Ada Lovelace");
    server.stop("-TERM");
    assert!(
        !place.run(&["erp", "erase", "C1"]).status.success(),
        "it asks for --yes"
    );
    assert!(place.said(&["erp", "erase", "C1", "--yes"]).contains("no more"));
    let server = place.up(&[]);
    assert_eq!(server.get(party, &[]).await.1["name"], Value::Null);
    server.stop("-TERM");
}

#[test]
fn the_doctor_says_what_it_checked() {
    let place = Place::new();
    let mut command = place.command(&["doctor"]);
    let output = command
        .env("CORTEX__HTTP__ADDR", "127.0.0.1:0")
        .env("CORTEX__GRPC__ADDR", "127.0.0.1:0")
        .output()
        .unwrap();
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}");
    for subject in [
        "configuration",
        "data folder",
        "database",
        "disk space",
        "HTTP port",
        "ONNX Runtime",
    ] {
        assert!(report.contains(subject), "{report}");
    }
    assert!(!place.data().exists());
}
