//! What is sold, and who supplies it.

use std::sync::Arc;

use super::draws::{Draws, Purpose, Stream};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    Kitchen,
    Bags,
    Stationery,
    Jewellery,
    Christmas,
    Garden,
    Occasions,
    Home,
}

impl Category {
    pub const ALL: [Self; 8] = [
        Self::Kitchen,
        Self::Bags,
        Self::Stationery,
        Self::Jewellery,
        Self::Christmas,
        Self::Garden,
        Self::Occasions,
        Self::Home,
    ];

    fn articles(self) -> [&'static str; 4] {
        match self {
            Self::Kitchen => ["MUG", "CAKE TIN", "TEA TOWEL", "EGG CUP"],
            Self::Bags => ["LUNCH BAG", "JUMBO BAG", "WASHBAG", "SHOPPER"],
            Self::Stationery => ["NOTEBOOK", "GIFT WRAP", "PENCIL SET", "CARD BOX"],
            Self::Jewellery => ["BRACELET", "EARRINGS", "BROOCH", "NECKLACE"],
            Self::Christmas => ["BAUBLE", "GARLAND", "ADVENT CALENDAR", "STOCKING"],
            Self::Garden => ["PLANT POT", "LANTERN", "PARASOL", "BIRD FEEDER"],
            Self::Occasions => ["BUNTING", "HEART DECORATION", "EASTER BASKET", "PARTY CANDLES"],
            Self::Home => ["T-LIGHT HOLDER", "CUSHION", "CLOCK", "PHOTO FRAME"],
        }
    }
}

/// A product of the catalogue, by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductNo(pub u32);

impl ProductNo {
    /// The code that the ERP knows it by, such as `P0042`.
    pub fn code(self) -> String {
        format!("P{:04}", self.0)
    }

    pub fn from_code(code: &str) -> Option<Self> {
        code.strip_prefix('P')?.parse().ok().map(Self)
    }

    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SupplierNo(pub u32);

impl SupplierNo {
    /// The code that the ERP knows it by, such as `S03`.
    pub fn code(self) -> String {
        format!("S{:02}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Supplier {
    pub no: SupplierNo,
    /// Days from order to receipt, as quoted; it is never shorter, and sometimes longer.
    pub lead_time_days: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    pub no: ProductNo,
    pub description: Arc<str>,
    pub category: Category,
    pub supplier: SupplierNo,
    pub list_price_minor: i64,
    /// What a piece costs at the beginning of the year.
    pub cost_minor: i64,
    /// Pieces per carton: what is ordered comes in whole cartons.
    pub carton_pieces: i64,
    /// Day of the year on which shops first see it.
    pub launched_on: u32,
    pub(super) popularity: f64,
}

const SUPPLIERS: u32 = 8;
const ZIPF_EXPONENT: f64 = 0.75;
const STYLES: [&str; 10] = [
    "RETROSPOT",
    "PAISLEY",
    "VINTAGE",
    "WOODLAND",
    "REGENCY",
    "SKULLS",
    "STRAWBERRY",
    "ROSE",
    "DOTTY",
    "FRENCH",
];

pub fn suppliers(draws: Draws) -> Vec<Supplier> {
    let one = |no| {
        let lead_time_days = draws.of(Purpose::LeadTime, no, u32::MAX).whole(6, 24);
        Supplier {
            no: SupplierNo(no),
            lead_time_days,
        }
    };
    (0..SUPPLIERS).map(one).collect()
}

pub fn products(draws: Draws, count: u32) -> Vec<Product> {
    let mut ranked: Vec<(f64, u32)> = (0..count)
        .map(|no| (draws.of(Purpose::Product, no, 1).uniform(), no))
        .collect();
    ranked.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut rank_of = vec![0_u32; count as usize];
    for ((_, no), rank) in ranked.iter().zip(1..) {
        if let Some(place) = rank_of.get_mut(*no as usize) {
            *place = rank;
        }
    }
    (0..count)
        .zip(rank_of)
        .map(|(no, rank)| product(no, rank, &mut draws.of(Purpose::Product, no, 0)))
        .collect()
}

fn product(no: u32, rank: u32, stream: &mut Stream) -> Product {
    let category = Category::ALL[no as usize % Category::ALL.len()];
    let article = category.articles()[stream.whole(0, 3) as usize];
    let style = STYLES[stream.whole(0, STYLES.len() as u32 - 1) as usize];
    // Gifts: a median of £4.20, a few above £15; bought at 45 to 60 per cent of that.
    let price = (420.0 * (0.6 * stream.normal()).exp()).clamp(85.0, 4000.0).round();
    let cost = price * stream.between(0.45, 0.6);
    let launched_late = stream.chance(0.08);
    let launch_day = stream.whole(40, 240);
    Product {
        no: ProductNo(no),
        description: format!("{style} {article} No {no}").into(),
        category,
        supplier: SupplierNo(stream.whole(0, SUPPLIERS - 1)),
        list_price_minor: price as i64,
        cost_minor: (cost.round() as i64).max(1),
        carton_pieces: [6, 6, 12, 12][stream.whole(0, 3) as usize],
        launched_on: if launched_late { launch_day } else { 0 },
        popularity: f64::from(rank).powf(-ZIPF_EXPONENT),
    }
}

/// How demand for each product wanders from week to week, around 1: half of this week's surprise is still there three
/// weeks later, so that what sold lately says something about what will.
pub fn momentum(draws: Draws, products: u32, weeks: u32) -> Vec<Vec<f64>> {
    let wander = |no| {
        let mut level = 0.3 * draws.of(Purpose::Momentum, no, u32::MAX).normal();
        let mut weekly = Vec::with_capacity(weeks as usize);
        for week in 0..weeks {
            weekly.push(f64::exp(level));
            level = 0.8 * level + 0.22 * draws.of(Purpose::Momentum, no, week).normal();
        }
        weekly
    };
    (0..products).map(wander).collect()
}
