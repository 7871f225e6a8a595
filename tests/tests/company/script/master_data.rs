//! What a company says before it begins.

use anyhow::Result;
use cortex_tests::client::Client;
use serde_json::json;

const BEFORE: &str = "2023-12-01T00:00:00Z";

pub fn define(erp: &Client) -> Result<()> {
    company(erp)?;
    accounts(erp)?;
    parties(erp)?;
    products(erp)
}

fn company(erp: &Client) -> Result<()> {
    erp.put(
        "/erp/v1/company",
        json!({ "name": "Aster Lamps", "currency": "GBP", "chart": "trading", "tax_rounding": "per-document" }),
    )?;
    erp.post(
        "/erp/v1/fiscal-years",
        json!({ "code": "FY2024", "from": "2024-01-01" }),
    )?;
    for (code, title) in [("AST-SHOP", "Aster's shop"), ("AST-WEB", "Aster's web shop")] {
        erp.put(&format!("/erp/v1/cost-centres/{code}"), json!({ "title": title }))?;
    }
    for (code, rate) in [("AST-V19", "19"), ("AST-V7", "7")] {
        let component = json!({ "name": "VAT", "rate": rate });
        erp.put(
            &format!("/erp/v1/tax-codes/{code}"),
            json!({ "title": format!("Aster's VAT {rate} %"), "components": [component] }),
        )?;
    }
    for (code, name) in [("main", "Aster's warehouse"), ("AST-HIGH-STREET", "Aster's shop")] {
        erp.put(
            &format!("/erp/v1/locations/{code}"),
            json!({ "name": name, "negative_stock": "refuse" }),
        )?;
    }
    for (day, rate) in [("2024-01-01", "0.90"), ("2024-01-16", "0.92"), ("2024-01-31", "0.95")] {
        erp.put(&format!("/erp/v1/exchange-rates/USD/{day}"), json!({ "rate": rate }))?;
    }
    Ok(())
}

fn accounts(erp: &Client) -> Result<()> {
    for (code, title, kind) in [
        ("1500", "Aster's equipment", "asset"),
        ("1510", "depreciation of Aster's equipment", "asset"),
        ("2300", "accrued by Aster", "liability"),
        ("6200", "Aster's rent", "expense"),
        ("6300", "depreciation by Aster", "expense"),
        ("6400", "Aster's packaging", "expense"),
    ] {
        erp.put(
            &format!("/erp/v1/accounts/{code}"),
            json!({ "title": title, "kind": kind }),
        )?;
    }
    Ok(())
}

fn parties(erp: &Client) -> Result<()> {
    let known = erp.list("/erp/v1/parties")?;
    for (code, kind, country) in [
        ("AST-C1", "customer", "Germany"),
        ("AST-C2", "customer", "France"),
        ("AST-CASH", "walk_in", "Germany"),
        ("AST-S1", "supplier", "Germany"),
        ("AST-S2", "supplier", "United States"),
        ("AST-S3", "supplier", "Germany"),
    ] {
        // A company has one walk-in party, and may have brought it along.
        if kind == "walk_in" && known.iter().any(|party| party["kind"] == kind) {
            continue;
        }
        let name = format!("Aster's {kind} {}", &code[4..]);
        erp.post(
            "/erp/v1/parties",
            json!({ "code": code, "kind": kind, "country": country, "name": name, "created_at": BEFORE }),
        )?;
    }
    for (code, terms) in [
        ("AST-C1", json!({ "payment_days": 10, "credit_limit": "5000.00" })),
        ("AST-C2", json!({ "payment_days": 14 })),
        ("AST-S1", json!({ "payment_days": 14 })),
        ("AST-S2", json!({ "payment_days": 10 })),
    ] {
        erp.put(&format!("/erp/v1/parties/{code}/terms"), terms)?;
    }
    for (party, contact, role) in [
        ("AST-C1", "AST-P1", "Aster's accounts payable"),
        ("AST-C1", "AST-P2", "Aster's goods in"),
        ("AST-S1", "AST-P1", "Aster's sales desk"),
    ] {
        let name = format!("Aster {role}");
        erp.put(
            &format!("/erp/v1/parties/{party}/contacts/{contact}"),
            json!({ "name": name, "email": "desk@aster-lamps.example", "role": role, "is_primary": true }),
        )?;
    }
    Ok(())
}

fn products(erp: &Client) -> Result<()> {
    let goods = |code: &str, text: &str, price: &str, valuation: &str| {
        json!({
            "code": code, "description": text, "kind": "goods", "list_price": price, "valuation": valuation,
            "created_at": BEFORE,
        })
    };
    let mut bulb = goods("AST-BULB", "Aster's bulb", "9.00", "standard");
    bulb["standard_cost"] = json!("5.00");
    for product in [
        goods("AST-FLOOR", "Aster's floor lamp", "30.00", "fifo"),
        goods("AST-DESK", "Aster's desk lamp", "20.00", "moving-average"),
        bulb,
        json!({
            "code": "AST-FIT", "description": "fitting by Aster", "kind": "service", "list_price": "50.00",
            "created_at": BEFORE,
        }),
    ] {
        erp.post("/erp/v1/products", product)?;
    }
    for (product, rule) in [
        (
            "AST-FLOOR",
            json!({ "point": "20", "up_to": "30", "supplier": "AST-S1" }),
        ),
        (
            "AST-DESK",
            json!({ "point": "60", "up_to": "100", "lot": "12", "supplier": "AST-S1" }),
        ),
        ("AST-BULB", json!({ "point": "10", "up_to": "50" })),
    ] {
        erp.put(&format!("/erp/v1/reorder-rules/{product}/main"), rule)?;
    }
    Ok(())
}
