//! ISO 3166-1: countries by their codes, and by the names that are written for them.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A country, as ISO 3166-1 has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Country {
    pub alpha2: &'static str,
    pub alpha3: &'static str,
    pub numeric: u16,
    /// The short name, such as `Korea (Republic of)`.
    pub name: &'static str,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let country = |of: &rust_iso3166::CountryCode| Country {
        alpha2: of.alpha2,
        alpha3: of.alpha3,
        numeric: of.numeric,
        name: of.name,
    };
    let mut all: Vec<_> = rust_iso3166::ALL.iter().map(country).collect();
    all.sort_by_key(|country| country.alpha2);
    all
});

/// Names that are in use, and that the standard's own do not come to. What names no country of the standard, or more than one,
/// is not here: `Channel Islands`, `Korea`, `Yugoslavia`.
const ALIASES: &[(&str, &[&str])] = &[
    ("AE", &["UAE", "Emirates"]),
    ("AG", &["Antigua"]),
    ("BA", &["Bosnia"]),
    ("BN", &["Brunei"]),
    ("BY", &["Belorussia", "Byelorussia"]),
    ("CD", &["DRC", "DR Congo", "Congo-Kinshasa", "Zaire"]),
    ("CG", &["Republic of the Congo", "Congo-Brazzaville"]),
    ("CI", &["Ivory Coast"]),
    ("CN", &["PRC", "People's Republic of China", "Mainland China"]),
    ("CV", &["Cape Verde"]),
    ("CZ", &["Czech Republic", "Czech Rep."]),
    ("DE", &["Federal Republic of Germany", "Deutschland", "BRD", "FRG"]),
    ("FK", &["Falklands"]),
    (
        "GB",
        &[
            "UK",
            "U.K.",
            "United Kingdom",
            "Great Britain",
            "Britain",
            "England",
            "Scotland",
            "Wales",
            "Northern Ireland",
        ],
    ),
    ("GM", &["Republic of the Gambia"]),
    ("GR", &["Hellas", "Hellenic Republic"]),
    ("HK", &["Hong Kong SAR", "Hong Kong, China"]),
    ("IE", &["EIRE", "Republic of Ireland", "Irish Republic"]),
    ("KG", &["Kyrgyz Republic", "Kirghizia"]),
    ("KN", &["Saint Kitts"]),
    ("KP", &["North Korea", "DPRK"]),
    ("KR", &["South Korea", "Korea South", "ROK"]),
    ("KY", &["Caymans"]),
    ("LA", &["Laos", "Lao PDR"]),
    ("MK", &["Macedonia", "FYROM", "Former Yugoslav Republic of Macedonia"]),
    ("MM", &["Burma"]),
    ("MO", &["Macau", "Macao SAR"]),
    ("NL", &["Holland"]),
    ("NZ", &["N. Zealand"]),
    ("PH", &["Philippine Islands"]),
    ("PN", &["Pitcairn Islands"]),
    ("PT", &["Portuguese Republic"]),
    ("RU", &["Russia"]),
    ("SA", &["KSA", "Kingdom of Saudi Arabia"]),
    ("SH", &["Saint Helena"]),
    ("SK", &["Slovak Republic"]),
    ("SY", &["Syria"]),
    ("SZ", &["Swaziland"]),
    ("TL", &["East Timor"]),
    ("TR", &["Turkey"]),
    ("TT", &["Trinidad"]),
    ("TW", &["Republic of China", "ROC", "Chinese Taipei"]),
    ("US", &["USA", "U.S.A.", "US", "U.S.", "United States"]),
    ("VA", &["Vatican", "Vatican City", "Vatican City State"]),
    ("VC", &["Saint Vincent"]),
    ("VN", &["Vietnam"]),
    ("WS", &["Western Samoa"]),
    ("ZA", &["RSA", "S. Africa"]),
];

/// Names in the form in which they are compared, each with its country. Of a form that two countries have, neither is meant.
static NAMES: LazyLock<HashMap<String, Option<usize>>> = LazyLock::new(|| {
    let mut exact = HashMap::new();
    let mut derived = HashMap::new();
    for (place, country) in countries().iter().enumerate() {
        note(&mut exact, country.name, place);
        // "Bolivia (Plurinational State of)" is Bolivia, and the Plurinational State of Bolivia.
        if let Some((short, rest)) = country.name.split_once(" (") {
            let rest = rest.trim_end_matches(')');
            note(&mut derived, short, place);
            note(&mut derived, &format!("{rest} {short}"), place);
        }
    }
    for (alpha2, names) in ALIASES {
        let place = countries().iter().position(|country| country.alpha2 == *alpha2);
        for (name, place) in names.iter().filter_map(|name| Some((name, place?))) {
            note(&mut exact, name, place);
        }
    }
    for (name, place) in derived {
        exact.entry(name).or_insert(place);
    }
    exact
});

fn note(names: &mut HashMap<String, Option<usize>>, name: &str, place: usize) {
    let noted = names.entry(folded(name)).or_insert(Some(place));
    if *noted != Some(place) {
        *noted = None;
    }
}

/// In small letters without accents, points and articles: "The Côte-d'Ivoire" and "COTE D IVOIRE" are one.
fn folded(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' => plain.push('a'),
            'ç' => plain.push('c'),
            'è'..='ë' => plain.push('e'),
            'ì'..='ï' => plain.push('i'),
            'ñ' => plain.push('n'),
            'ò'..='ö' => plain.push('o'),
            'ù'..='ü' => plain.push('u'),
            '.' => {}
            c if c.is_alphanumeric() => plain.push(c),
            _ => plain.push(' '),
        }
    }
    let words = plain.split(' ').filter(|word| !matches!(*word, "" | "the" | "and"));
    let words: Vec<&str> = words.map(|word| if word == "st" { "saint" } else { word }).collect();
    words.join(" ")
}

/// All countries, by their alpha-2 codes.
#[must_use]
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The country with this alpha-2 or alpha-3 code, in capital letters.
#[must_use]
pub fn country(code: &str) -> Option<&'static Country> {
    let all = countries();
    match code.len() {
        2 => all
            .binary_search_by(|of| of.alpha2.cmp(code))
            .ok()
            .map(|place| &all[place]),
        3 => all.iter().find(|of| of.alpha3 == code),
        _ => None,
    }
}

/// The country that a text means: by its code, its name, or a name that is in use for it, in capital or small letters.
#[must_use]
pub fn country_named(text: &str) -> Option<&'static Country> {
    country(text).or_else(|| {
        let place = NAMES.get(&folded(text)).copied().flatten()?;
        countries().get(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn meant(text: &str) -> Option<&'static str> {
        country_named(text).map(|country| country.alpha2)
    }

    #[test]
    fn there_are_as_many_countries_as_the_standard_has_and_each_has_its_own_codes() {
        let all = countries();
        assert_eq!(all.len(), 249);
        let alpha2: BTreeSet<_> = all.iter().map(|of| of.alpha2).collect();
        let alpha3: BTreeSet<_> = all.iter().map(|of| of.alpha3).collect();
        let numeric: BTreeSet<_> = all.iter().map(|of| of.numeric).collect();
        assert_eq!((alpha2.len(), alpha3.len(), numeric.len()), (249, 249, 249));
        let gb = country("GBR").unwrap();
        assert_eq!((gb.alpha2, gb.numeric), ("GB", 826));
        for of in all {
            assert_eq!(country(of.alpha2), Some(of));
            assert_eq!(country(of.alpha3), Some(of));
            assert_eq!(country_named(of.name), Some(of), "{}", of.name);
        }
    }

    #[test]
    fn names_of_old_files_find_their_country() {
        for (text, alpha2) in [
            ("EIRE", "IE"),
            ("RSA", "ZA"),
            ("USA", "US"),
            ("U.S.A.", "US"),
            ("UK", "GB"),
            ("uk", "GB"),
            ("United Kingdom", "GB"),
            ("Czech Republic", "CZ"),
            ("Netherlands", "NL"),
            ("The Netherlands", "NL"),
            ("South Korea", "KR"),
            ("Republic of Korea", "KR"),
            ("Bolivia", "BO"),
            ("IVORY COAST", "CI"),
            ("Cote d'Ivoire", "CI"),
            ("Türkiye", "TR"),
            ("turkey", "TR"),
            ("St. Lucia", "LC"),
            ("Bosnia & Herzegovina", "BA"),
            ("British Virgin Islands", "VG"),
            ("U.S. Virgin Islands", "VI"),
            ("Democratic Republic of the Congo", "CD"),
            ("Congo", "CG"),
            ("DE", "DE"),
            ("DEU", "DE"),
        ] {
            assert_eq!(meant(text), Some(alpha2), "{text}");
        }
    }

    #[test]
    fn what_is_no_country_or_more_than_one_stays_open() {
        for text in [
            "Channel Islands",
            "European Community",
            "Unspecified",
            "West Indies",
            "Virgin Islands",
            "Korea",
            "Yugoslavia",
            "de",
            "XX",
            "EU",
            "",
            "the",
        ] {
            assert_eq!(meant(text), None, "{text}");
        }
    }

    #[test]
    fn an_alias_belongs_to_one_country() {
        for (alpha2, names) in ALIASES {
            for name in *names {
                assert_eq!(meant(name), Some(*alpha2), "{name}");
            }
        }
    }
}
