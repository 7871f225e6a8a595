use std::net::SocketAddr;
use std::num::NonZeroUsize;

use serde::Deserialize;

use super::*;
use crate::config::Secret;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    tenant: Tenant,
    http: Http,
    security: Security,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tenant {
    default: TenantId,
    currency: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Http {
    addr: SocketAddr,
    queue_max: NonZeroUsize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Security {
    authentication: Authentication,
    master_key: Option<Secret<String>>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Authentication {
    #[default]
    None,
    Tokens,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            default: TenantId::new("main").unwrap(),
            currency: "GBP".to_owned(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            addr: "127.0.0.1:8000".parse().unwrap(),
            queue_max: NonZeroUsize::new(64).unwrap(),
        }
    }
}

const RULES: TenantRules = TenantRules {
    tenant_key: "tenant.default",
    allowed: &["tenant.currency"],
};

struct Folder {
    _dir: tempfile::TempDir,
    sources: Sources,
}

fn folder(files: &[(&str, &str)]) -> Folder {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("config/tenants")).unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let sources = Sources {
        folder: dir.path().join("config"),
        base_file: None,
        dot_env: dir.path().join(".env"),
        environment: LOCAL.to_owned(),
        variables: Vec::new(),
        flags: Vec::new(),
    };
    Folder { _dir: dir, sources }
}

impl Folder {
    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self) -> Result<Loaded<Settings>, ConfigError> {
        load(&self.sources, RULES, None)
    }

    fn message(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

#[test]
fn each_layer_wins_over_the_one_before_it() {
    let layers: [(&str, &str); 4] = [
        (".env", "CORTEX__TENANT__CURRENCY=AAA\n"),
        ("config/base.yaml", "tenant: {currency: BBB}"),
        ("config/local.yaml", "tenant: {currency: CCC}"),
        ("config/tenants/main.yaml", "tenant: {currency: DDD}"),
    ];
    for (count, expected) in ["GBP", "AAA", "BBB", "CCC", "DDD"].iter().enumerate() {
        assert_eq!(folder(&layers[..count]).load().unwrap().tenant.currency, *expected);
    }
    let mut all = folder(&layers).variable("CORTEX__TENANT__CURRENCY", "EEE");
    let loaded = all.load().unwrap();
    assert_eq!(loaded.tenant.currency, "EEE");
    assert_eq!(
        loaded.origin("tenant.currency").to_string(),
        "variable CORTEX__TENANT__CURRENCY"
    );
    all.sources.flags.push(Flag {
        name: "--currency",
        key: "tenant.currency",
        value: "FFF".to_owned(),
    });
    let loaded = all.load().unwrap();
    assert_eq!(
        (loaded.tenant.currency.as_str(), loaded.origin("tenant.currency")),
        ("FFF", Origin::Flag("--currency".to_owned()))
    );
    assert_eq!(loaded.origin("http.addr"), Origin::Default);
}

#[test]
fn an_unknown_key_names_itself_its_file_and_what_is_allowed() {
    let message = folder(&[("config/base.yaml", "http:\n  adress: 127.0.0.1:1\n")]).message();
    assert!(message.contains("'http.adress'"), "{message}");
    assert!(message.contains("base.yaml"), "{message}");
    assert!(message.contains("http.addr, http.queue_max"), "{message}");
    let message = folder(&[]).variable("CORTEX__HTPP__ADDR", "x").message();
    assert!(
        message.contains("variable CORTEX__HTPP__ADDR") && message.contains("tenant, http, security"),
        "{message}"
    );
}

#[test]
fn a_bad_value_names_its_key_its_origin_and_what_is_allowed() {
    let message = folder(&[]).variable("CORTEX__HTTP__ADDR", "localhost").message();
    assert!(
        message.contains("'http.addr' (variable CORTEX__HTTP__ADDR)"),
        "{message}"
    );
    assert!(message.contains("127.0.0.1:8000"), "{message}");
    let message = folder(&[("config/local.yaml", "security: {authentication: maybe}")]).message();
    assert!(
        message.contains("local.yaml") && message.contains("'maybe' is not one of none, tokens"),
        "{message}"
    );
    let message = folder(&[]).variable("CORTEX__HTTP__QUEUE_MAX", "0").message();
    assert!(message.contains("nonzero"), "{message}");
}

#[test]
fn a_file_that_is_no_yaml_is_named() {
    let message = folder(&[("config/base.yaml", "http: [unclosed")]).message();
    assert!(message.contains("base.yaml"), "{message}");
}

#[test]
fn a_file_asked_for_must_exist_and_an_empty_one_says_nothing() {
    let mut missing = folder(&[]);
    missing.sources.base_file = Some("nowhere.yaml".into());
    assert!(missing.message().contains("nowhere.yaml"));
    assert!(folder(&[("config/base.yaml", "# nothing yet\n")]).load().is_ok());
}

#[test]
fn a_tenant_decides_only_what_it_may() {
    let message = folder(&[("config/tenants/main.yaml", "http: {addr: '0.0.0.0:1'}")]).message();
    assert!(
        message.contains("'http.addr'") && message.contains("allowed there are tenant.currency"),
        "{message}"
    );
}

#[test]
fn secrets_are_masked_where_settings_are_listed() {
    let loaded = folder(&[])
        .variable("CORTEX__SECURITY__MASTER_KEY", "hunter2")
        .load()
        .unwrap();
    assert_eq!(loaded.security.master_key.as_ref().unwrap().expose(), "hunter2");
    let listed = serde_json::to_string(&loaded.settings()).unwrap();
    assert!(!listed.contains("hunter2") && listed.contains("variable"), "{listed}");
}

#[test]
fn an_environment_that_is_asked_for_must_have_its_file() {
    let mut misspelt = folder(&[("config/production.yaml", "tenant: {currency: EUR}")]);
    misspelt.sources.environment = "prodution".to_owned();
    let message = misspelt.message();
    assert!(
        message.contains("prodution.yaml") && message.contains("--env"),
        "{message}"
    );
    misspelt.sources.environment = "production".to_owned();
    assert_eq!(misspelt.load().unwrap().tenant.currency, "EUR");
}

#[test]
fn a_file_that_is_there_and_cannot_be_read_is_not_passed_over() {
    let unreadable = folder(&[]);
    std::fs::create_dir(unreadable.sources.folder.join("base.yaml")).unwrap();
    assert!(unreadable.message().contains("base.yaml"));
}
