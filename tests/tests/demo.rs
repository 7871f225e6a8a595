//! `cortex demo`, short: too few weeks for a model, but all of the business, the report, and a folder that serves.

use anyhow::{Result, ensure};
use cortex_tests::binary::{self, Server};
use serde_json::{Value, json};

#[test]
fn a_month_of_the_demo_reports_itself_and_goes_on_serving_in_its_own_time() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("demo-data");
    let report = folder.path().join("report.html");
    let demo = ["demo", "--days", "28", "--report", &report.display().to_string()];
    let printed = binary::run(&data, &demo)?;
    for line in [
        "weeks lived through",
        "/bronze/sales_invoice_lines",
        "with the loop",
        "business",
    ] {
        ensure!(printed.contains(line), "no '{line}' in: {printed}");
    }
    let page = std::fs::read_to_string(&report)?;
    ensure!(page.contains("<svg") && page.contains("rules on averages"));
    ensure!(
        !page.contains("src=") && !page.contains("href="),
        "the page needs something beside itself"
    );
    binary::run(&data, &["erp", "verify"])?;

    let server = Server::start(&data)?;
    let again = binary::run_failing(&data, &demo)?;
    ensure!(again.contains("data-in-use"), "a served folder was made anew: {again}");
    let parties: Value = serde_json::from_str(&server.get("/erp/v1/parties?limit=200")?)?;
    let codes: Vec<&Value> = parties["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|party| party["kind"] == "customer")
        .map(|party| &party["code"])
        .collect();
    ensure!(!codes.is_empty(), "{parties}");
    let request = json!({ "features": ["customer_sales:spend_30d"], "entities": { "customer_code": codes } });
    let (status, answer) = server.post("/get-online-features", &request)?;
    let spent = answer["results"][1]["values"].as_array().into_iter().flatten();
    let spent: i64 = spent.filter_map(Value::as_i64).sum();
    ensure!(
        status == 200 && spent > 0,
        "nobody spent anything in the last thirty days: {answer}"
    );
    drop(server);
    binary::run(&data, &demo)?;
    Ok(())
}
