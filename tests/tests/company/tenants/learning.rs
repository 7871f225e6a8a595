//! A tenant with a past to learn from, and a model that learnt from it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use cortex_tests::client::Client;
use cortex_tests::{binary, retail};
use serde_json::json;

pub const MODEL: &str = "aster-repurchase";
/// Twenty a day: four weeks.
const INVOICES: usize = 560;
const AS_OF: &str = "2011-01-29";

const PIPELINE: &str = "
pipeline: aster-repurchase
model: aster-repurchase
task: binary_classification
entity: customer
feature_service: customer_repurchase
label:
  table: sales_invoice_lines
  key: customer_code
  event_time: invoiced_at
  aggregate: exists
  horizon: 4d
  outcome: bought_again
rows: { every: 1d, history: 60d, active_within: 60d, max: 4000 }
split: { evaluation: 5d, validation: 5d }
trainers:
  - trainer: boosted-trees
    params: { budget: 0.1 }
choose: best
metric: roc_auc
baseline: { trainer: mean }
seed: 42
policy: { action: offer, when: score < 0.5 }
experience: { include: false, min_propensity: 0.01 }
";

/// Beside the data: what the server and all commands go by.
pub fn configure(folder: &Path) -> Result<()> {
    let pipelines = folder.join("pipelines");
    std::fs::create_dir_all(folder.join("config"))?;
    std::fs::create_dir_all(&pipelines)?;
    std::fs::write(pipelines.join("aster-repurchase.yaml"), PIPELINE)?;
    let config = format!(
        "security: {{ authentication: tokens }}\ndefinitions: {{ pipelines: '{}' }}\nerp: {{ advice_model: {MODEL} }}\n",
        pipelines.display()
    );
    Ok(std::fs::write(folder.join("config").join("base.yaml"), config)?)
}

/// A history, a model of it, and the model's promotion.
pub fn train(data: &Path, tenant: &str) -> Result<()> {
    let file = data.with_extension("csv");
    std::fs::write(&file, retail::file(INVOICES))?;
    let run = |arguments: &[&str]| binary::run(data, &[arguments, &["--tenant", tenant]].concat());
    run(&["erp", "import", "online-retail", &file.display().to_string()])?;
    run(&["train", MODEL, "--as-of", AS_OF])?;
    run(&["models", "promote", MODEL, "1"])?;
    Ok(())
}

/// Whose features the history tells.
pub const CUSTOMERS: [&str; 4] = ["12346", "12350", "12360", "12370"];

/// What is asked of the model and of the features, and what came of it.
pub fn use_it(erp: &Client) -> Result<()> {
    let path = format!("/v2/cortex/models/{MODEL}/predict-entity");
    let mut decisions = Vec::new();
    for customer in CUSTOMERS {
        let prediction = erp.post(&path, json!({ "entity_key": customer }))?;
        decisions.push(prediction["decision_id"].as_str().context("a decision")?.to_owned());
    }
    let outcome =
        |event: &str, of: &str| json!({ "event_id": event, "decision_id": of, "kind": "margin", "value": 12.5 });
    erp.post(
        "/experience/v1/feedback",
        json!({ "event_id": "AST-F1", "decision_id": decisions[0], "action": "Aster calls", "rating": 4 }),
    )?;
    erp.post("/experience/v1/outcomes", outcome("AST-O1", &decisions[0]))?;
    erp.post(
        "/experience/v1/outcomes/batch",
        json!({ "outcomes": [outcome("AST-O2", &decisions[1]), outcome("AST-O3", &decisions[2])] }),
    )?;
    erp.post(
        "/features/v1/online",
        json!({ "service": "customer_repurchase", "keys": CUSTOMERS }),
    )?;
    let asked = json!({ "feature_service": "customer_repurchase", "entities": { "customer_code": CUSTOMERS } });
    let features = erp.post("/get-online-features", asked)?;
    ensure!(features.to_string().contains("PRESENT"), "{features}");
    let input = erp.get(&format!("/v2/models/{MODEL}"))?["inputs"][0].clone();
    let width = input["shape"][1].as_u64().context("a width")?;
    let data = vec![0.0; usize::try_from(width)?];
    let inputs = json!([{ "name": input["name"], "datatype": input["datatype"], "shape": [1, width], "data": data }]);
    for model in [format!("/v2/models/{MODEL}"), format!("/v2/models/{MODEL}/versions/1")] {
        erp.post(&format!("{model}/infer"), json!({ "inputs": inputs }))?;
    }
    erp.post("/v2/repository/index", json!({}))?;
    erp.post(
        &format!("/models/v1/models/{MODEL}/versions/1/gate"),
        json!({ "alias": "champion" }),
    )?;
    erp.put(&format!("/models/v1/models/{MODEL}/traffic"), json!({ "canary": null }))?;
    let version = erp.get(&format!("/models/v1/models/{MODEL}/versions/1"))?;
    let run = version["run_id"].as_str().context("a run")?;
    erp.put(
        &format!("/models/v1/runs/{run}/tags"),
        json!({ "note": "Aster's best" }),
    )?;
    Ok(())
}
