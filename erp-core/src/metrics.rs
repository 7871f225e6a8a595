//! Metric names of this crate.

/// Commands answered, by `kind` of document and `result`: `ok` or an error code.
pub const COMMANDS_TOTAL: &str = "cortex_erp_commands_total";
/// How many commands one group commit took.
pub const GROUP_COMMANDS: &str = "cortex_erp_group_commands";
/// Invoices entered, by `result` of asking for advice: `advised`, `late` or an error code.
pub const ADVICE_TOTAL: &str = "cortex_erp_advice_total";
