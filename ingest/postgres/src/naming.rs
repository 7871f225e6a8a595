//! What tables and columns are called in the lake, whatever they are called in the database.

use std::collections::BTreeSet;

/// Characters that Delta and Parquet do not take in the name of a column.
const NOT_IN_COLUMNS: &str = " ,;{}()\n\t=";
const TABLE_NAME_MAX: usize = 100;
const PUBLIC: &str = "public";

/// `source__table`, or `source__schema__table` outside of `public`: lower-case letters, digits and `_`. The name of a source has no
/// two `_` in a row, so that no two sources meet. A name that had to be changed, or that is taken already, ends with a mark of its own.
pub(crate) fn table(source: &str, schema: &str, table: &str, taken: &BTreeSet<String>) -> String {
    let whole = match schema {
        PUBLIC => format!("{source}__{table}"),
        _ => format!("{source}__{schema}__{table}"),
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let mut name: String = whole
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(TABLE_NAME_MAX)
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert(0, 't');
    }
    if name != whole || taken.contains(&name) {
        name = format!("{name}_{}", mark(&format!("{schema}\0{table}")));
    }
    name
}

/// The column's own name where the lake takes it. Names that differ in case alone are the same to Delta; those that begin
/// with `_` are ours.
pub(crate) fn column(name: &str, taken: &BTreeSet<String>) -> String {
    let replaced: String = name
        .chars()
        .map(|c| if NOT_IN_COLUMNS.contains(c) { '_' } else { c })
        .collect();
    let clean = replaced.trim_start_matches('_');
    if clean == name && !taken.contains(&clean.to_lowercase()) && !name.is_empty() {
        return name.to_owned();
    }
    format!("{}_{}", if clean.is_empty() { "column" } else { clean }, mark(name))
}

/// Eight hexadecimal digits (FNV-1a).
fn mark(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_where_the_lake_takes_them_and_marked_where_it_does_not() {
        let none = BTreeSet::new();
        assert_eq!(table("shop", "public", "orders", &none), "shop__orders");
        assert_eq!(table("shop", "sales", "orders", &none), "shop__sales__orders");
        let odd = [
            table("shop", "public", "Bücher 📚", &none),
            table("shop", "public", "bücher 📚", &none),
        ];
        assert_ne!(odd[0], odd[1]);
        assert!(odd[0].starts_with("shop__"), "{odd:?}");
        let taken = BTreeSet::from(["shop__orders".to_owned()]);
        assert_ne!(table("shop", "public", "orders", &taken), "shop__orders");
        assert_eq!(column("größe 📏".replace(' ', "").as_str(), &none), "größe📏");
        for name in ["a b", "_op", "", "__", "A"] {
            let lake = column(name, &BTreeSet::from(["a".to_owned()]));
            assert!(
                !lake.starts_with('_') && !lake.contains(' ') && lake.to_lowercase() != "a",
                "{name}: {lake}"
            );
        }
    }
}
