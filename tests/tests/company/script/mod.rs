//! January 2024 of a company that sells lamps, request by request. Every time is given, so the books are the same each time.
//!
//! Codes begin with `AST-` and texts name `Aster`: what is the company's is known by that wherever it turns up.

mod closing;
mod master_data;
mod opening;
mod purchasing;
mod sales;
mod stock;

use anyhow::Result;
use cortex_tests::client::Client;

/// The first month, up to the last posting into it.
pub fn month(erp: &Client) -> Result<()> {
    master_data::define(erp)?;
    opening::bring_along(erp)?;
    purchasing::first_order(erp)?;
    sales::over_the_counter(erp)?;
    purchasing::freight(erp)?;
    purchasing::in_dollars(erp)?;
    purchasing::bill_with_another_price(erp)?;
    sales::order_to_invoice(erp)?;
    purchasing::back_to_the_supplier(erp)?;
    sales::taxes_within_prices(erp)?;
    purchasing::payments(erp)?;
    sales::payments(erp)?;
    sales::by_mistake(erp)?;
    sales::from_a_draft(erp)?;
    stock::moved_counted_and_lost(erp)?;
    purchasing::on_order(erp)?;
    sales::on_order(erp)?;
    purchasing::comes_late(erp)?;
    stock::another_standard_cost(erp)
}

/// The month is closed, and an accrual of it undone in the next one.
pub fn close_the_month(erp: &Client) -> Result<()> {
    closing::accruals(erp)?;
    closing::soft(erp)?;
    closing::hard(erp)?;
    closing::accruals_undone(erp)
}

pub use closing::the_year as close_the_year;
