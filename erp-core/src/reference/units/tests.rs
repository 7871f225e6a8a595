use super::*;
use cortex_types::Unit;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn of(code: &str) -> Unit {
    code.parse().unwrap()
}

fn amount(text: &str, code: &str) -> Quantity {
    Quantity::from_decimal(text.parse().unwrap(), of(code)).unwrap()
}

fn in_unit(text: &str, from: &str, to: &str) -> Result<String, UnitError> {
    let ratio = ratio_between(&of(from), &of(to))?;
    convert(&amount(text, from), &of(to), ratio).map(|found| found.to_decimal().to_string())
}

#[test]
fn each_code_stands_once_and_each_dimension_has_its_base() {
    let codes: BTreeSet<_> = UNITS.iter().map(|unit| unit.code).collect();
    assert_eq!(codes.len(), UNITS.len(), "a code stands twice");
    for unit in UNITS {
        assert!(unit.code.parse::<Unit>().is_ok() && unit.code.len() <= 3 && !unit.name.is_empty());
        assert!(
            unit.factor.is_some() || unit.dimension == Dimension::Count,
            "{}",
            unit.code
        );
    }
    for dimension in Dimension::ALL {
        let base = standard_unit(dimension.base()).unwrap();
        assert_eq!((base.dimension, base.factor), (*dimension, Some(Ratio::ONE)));
    }
}

/// From the definitions: the agreement of 1959 (yard, pound), the UK's Units of Measurement Regulations of 1985 (gallon), NIST
/// Handbook 44 (US gallon, bushel), the BIPM's brochure (hour, litre, nautical mile).
#[test]
fn one_of_each_is_what_its_definition_says() {
    for (quantity, from, to, expected) in [
        ("1", "YRD", "CMT", "91.44"),
        ("1", "SMI", "YRD", "1760"),
        ("1", "SMI", "M50", "8"),
        ("1", "AK", "FOT", "6"),
        ("100", "NMI", "KMT", "185.2"),
        ("3937", "M51", "MTR", "1200"),
        ("1", "MIK", "YDK", "3097600"),
        ("1", "HAR", "MTK", "10000"),
        ("15499969", "ACR", "MTK", "62726400000"),
        ("1", "LBR", "GRM", "453.59237"),
        ("1", "LBR", "ONZ", "16"),
        ("1", "LBR", "GRN", "7000"),
        ("1", "ONZ", "DRI", "16"),
        ("1", "STI", "LBR", "14"),
        ("1", "CWI", "LBR", "112"),
        ("1", "CWA", "LBR", "100"),
        ("1", "LTN", "LBR", "2240"),
        ("1", "STN", "LBR", "2000"),
        ("1", "LBT", "APZ", "12"),
        ("1", "APZ", "GRN", "480"),
        ("1", "DWT", "GRN", "24"),
        ("1", "DRA", "GRN", "60"),
        ("5", "CTM", "GRM", "1"),
        ("1", "YDQ", "FTQ", "27"),
        ("1", "FTQ", "INQ", "1728"),
        ("1", "GLL", "INQ", "231"),
        ("1", "GLL", "OZA", "128"),
        ("1", "GLL", "QTL", "4"),
        ("1", "QTL", "PTL", "2"),
        ("1", "PTL", "G21", "2"),
        ("1", "G21", "GIA", "2"),
        ("1", "OZA", "G24", "2"),
        ("1", "G24", "G25", "3"),
        ("1", "BLL", "GLL", "42"),
        ("1", "BUA", "INQ", "2150.42"),
        ("1", "BUA", "G23", "4"),
        ("1", "G23", "GLD", "2"),
        ("1", "GLD", "QTD", "4"),
        ("1", "QTD", "PTD", "2"),
        ("1", "GLI", "LTR", "4.54609"),
        ("1", "GLI", "PTI", "8"),
        ("1", "GLI", "OZI", "160"),
        ("1", "PTI", "GII", "4"),
        ("1", "QTI", "PTI", "2"),
        ("1", "BUI", "GLI", "8"),
        ("1", "L43", "GLI", "2"),
        ("1", "J57", "GLI", "35"),
        ("1", "M68", "FTQ", "128"),
        ("1", "M70", "FTQ", "100"),
        ("1", "HLT", "LTR", "100"),
        ("1", "MTQ", "CMQ", "1000000"),
        ("1", "WEE", "HUR", "168"),
        ("1", "ANN", "DAY", "365.25"),
        ("1", "ANN", "MON", "12"),
        ("1", "ANN", "QAN", "4"),
        ("1", "KWH", "3B", "3.6"),
        ("1", "E14", "JOU", "4186.8"),
        ("1", "N71", "BTU", "100000"),
        ("1", "GRO", "DZN", "12"),
        ("1", "GGR", "GRO", "12"),
        ("6", "PR", "DZN", "1"),
        ("-2.5", "DZN", "EA", "-30"),
    ] {
        assert_eq!(
            in_unit(quantity, from, to).as_deref(),
            Ok(expected),
            "{quantity} {from} in {to}"
        );
    }
}

#[test]
fn what_is_not_exact_is_said_and_not_rounded() {
    assert_eq!(
        in_unit("7", "EA", "DZN").unwrap_err().to_string(),
        "7 EA is not exact in DZN: it would have more than six decimals"
    );
    assert_eq!(in_unit("18", "EA", "DZN").as_deref(), Ok("1.5"));
    assert!(matches!(in_unit("0.001", "MGM", "KGM"), Err(UnitError::Inexact { .. })));
    assert!(matches!(
        in_unit("9000000000000", "TNE", "MGM"),
        Err(UnitError::TooLarge { .. })
    ));
    assert_eq!(in_unit("0", "TNE", "MC").as_deref(), Ok("0"));
}

#[test]
fn units_of_two_dimensions_are_none_of_each_other() {
    let measures = (Dimension::Mass, Dimension::Volume);
    let (from, to) = (of("KGM"), of("LTR"));
    assert_eq!(
        ratio_between(&from, &to),
        Err(UnitError::OtherDimension { from, to, measures })
    );
    assert_eq!(ratio_between(&of("BX"), &of("EA")), Err(UnitError::NoFactor(of("BX"))));
    assert_eq!(ratio_between(&of("EA"), &of("BX")), Err(UnitError::NoFactor(of("BX"))));
    assert_eq!(ratio_between(&of("BX"), &of("KGM")), Err(UnitError::NoFactor(of("BX"))));
    assert_eq!(ratio_between(&of("BX"), &of("BX")), Ok(Ratio::ONE));
    assert_eq!(
        ratio_between(&of("KILO"), &of("KGM")),
        Err(UnitError::Unknown(of("KILO")))
    );
}

#[test]
fn every_ratio_of_one_dimension_fits() {
    for one in UNITS.iter().filter(|unit| unit.factor.is_some()) {
        for other in UNITS
            .iter()
            .filter(|unit| unit.factor.is_some() && unit.dimension == one.dimension)
        {
            let (from, to) = (of(one.code), of(other.code));
            let (there, back) = (ratio_between(&from, &to).unwrap(), ratio_between(&to, &from).unwrap());
            assert_eq!(
                there.per(Ratio::ONE.per(back).unwrap()),
                Some(Ratio::ONE),
                "{from} {to}"
            );
        }
    }
}

proptest! {
    #[test]
    fn there_and_back_is_where_it_was(
        one in 0..UNITS.len(), other in 0..UNITS.len(), micro in -1_000_000_000_000_i64..1_000_000_000_000,
    ) {
        let (from, to) = (of(UNITS[one].code), of(UNITS[other].code));
        let given = Quantity::from_micro(micro, from.clone());
        if let Ok(found) = ratio_between(&from, &to).and_then(|ratio| convert(&given, &to, ratio)) {
            let back = convert(&found, &from, ratio_between(&to, &from).unwrap());
            prop_assert_eq!(back, Ok(given));
        }
    }
}
