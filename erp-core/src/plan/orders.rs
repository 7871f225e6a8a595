use std::sync::Arc;

use cortex_types::{OrderId, ReorderRuleId, Timestamp};

use super::check_line_count;
use super::sales_lines::{field, sales_line};
use super::sides::add;
use crate::books::Numbering;
use crate::limits::{MEMO_LENGTH_MAX, check_quantity, check_text, check_time};
use crate::postings::{Document, Postings};
use crate::{
    Books, ChangeOrder, DocumentKind, ErpError, LinePrice, Order, OrderChange, OrderLine, OrderProgress, OrderSide,
    OrderState, OrderStep, PartyKind, PlaceOrder, ProductKind, ReorderRule, SetReorderRule, ids,
};

/// What is open of all orders for a product is added up: so much for each line stays within 64 bits for 90,000 lines.
const ORDERED_MICRO_MAX: i64 = 100_000_000_000_000;

impl OrderSide {
    #[must_use]
    pub const fn kind(self) -> DocumentKind {
        match self {
            Self::Sales => DocumentKind::SalesOrder,
            Self::Purchase => DocumentKind::PurchaseOrder,
        }
    }
}

/// A new order. It posts nothing.
pub fn plan_order(command: &PlaceOrder, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    check_line_count(command.lines.len())?;
    check_text("memo", &command.memo, MEMO_LENGTH_MAX)?;
    check_time("due_at", command.due_at)?;
    let kind = command.side.kind();
    let party = match command.side {
        OrderSide::Sales => books.customer(Some(&command.party))?,
        OrderSide::Purchase => books.supplier(&command.party)?,
    };
    if party.kind == PartyKind::WalkIn {
        return Err(ErpError::invalid("customer", "an order needs a customer with a name"));
    }
    if command.reserve && command.side == OrderSide::Purchase {
        return Err(ErpError::invalid("reserve", "is for sales orders"));
    }
    let at = command.ordered_at.unwrap_or(now);
    let asked = Numbering::of(&command.number, &command.series);
    let (number, drawn) = books.number(kind, asked, at)?;
    if command.due_at.is_some_and(|due| due < at) {
        return Err(ErpError::invalid("due_at", "must not be before the order"));
    }
    let (mut lines, mut amount_minor) = (Vec::with_capacity(command.lines.len()), 0);
    for (index, input) in command.lines.iter().enumerate() {
        if command.side == OrderSide::Purchase && matches!(input.price, LinePrice::List) {
            let problem = "list prices are what customers pay: give unit_price or net";
            return Err(ErpError::invalid(field(index, "unit_price"), problem));
        }
        let (line, product) = sales_line(index, input, (command.currency, at), books)?;
        if command.side == OrderSide::Purchase && product.kind == ProductKind::Service {
            let problem = "is a service, and has no stock: bill it on an account";
            return Err(ErpError::invalid(field(index, "product"), problem));
        }
        if let Some(code) = &line.tax {
            books.tax_code(&field(index, "tax"), code)?;
        }
        if line.quantity_micro > ORDERED_MICRO_MAX {
            let problem = format!("is more than {ORDERED_MICRO_MAX} millionths of a unit: split the order");
            return Err(ErpError::invalid(field(index, "quantity"), problem));
        }
        add(&mut amount_minor, line.net_minor)?;
        lines.push(OrderLine {
            id: line.id,
            line_no: line.line_no,
            product_id: line.product_id,
            product_code: line.product_code,
            product_kind: line.product_kind,
            quantity_micro: line.quantity_micro,
            unit: line.unit,
            amount_minor: line.net_minor,
            tax: line.tax,
            reserved_micro: 0,
            moved_micro: 0,
            billed_micro: 0,
        });
    }
    let mut order = Order {
        id: OrderId(ids::next()),
        kind,
        number,
        party_id: party.id,
        party_code: Arc::clone(&party.code),
        location: books.location("location", command.location.as_ref())?,
        currency: command.currency,
        prices_include_tax: command.prices_include_tax,
        amount_minor,
        memo: command.memo.clone(),
        state: OrderState::Open,
        ordered_at: at,
        due_at: command.due_at,
        lines,
    };
    let mut progress = Vec::new();
    if command.reserve {
        reserve(&mut order, books, at, &mut progress);
    }
    Ok(Postings {
        drawn: drawn.into_iter().collect(),
        progress,
        ..of_order(order, at)
    })
}

/// What becomes of an order without a document.
pub fn plan_order_change(command: &ChangeOrder, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let mut order = books.order(command.side.kind(), &command.number)?.clone();
    let refused = |problem: String| Err(ErpError::invalid("number", problem));
    if matches!(order.state, OrderState::Closed | OrderState::Cancelled) {
        return refused(format!("'{}' is {} already", order.number, order.state.as_str()));
    }
    let mut progress = Vec::new();
    match command.change {
        OrderChange::Reserve if command.side == OrderSide::Purchase => {
            return refused("goods are set aside for sales orders alone".to_owned());
        }
        OrderChange::Reserve => reserve(&mut order, books, now, &mut progress),
        OrderChange::Release => release(&mut order, now, &mut progress),
        OrderChange::Close => {
            release(&mut order, now, &mut progress);
            order.state = OrderState::Closed;
        }
        OrderChange::Cancel => {
            if order
                .lines
                .iter()
                .any(|line| line.moved_micro != 0 || line.billed_micro != 0)
            {
                let problem = "something of it was delivered, received or billed: close it, or cancel that first";
                return refused(format!("'{}': {problem}", order.number));
            }
            release(&mut order, now, &mut progress);
            order.state = OrderState::Cancelled;
        }
    }
    Ok(Postings {
        progress,
        ..of_order(order, now)
    })
}

fn of_order(order: Order, at: Timestamp) -> Postings {
    let bare = Postings::bare(order.kind, order.id.0, Arc::clone(&order.number), at, Document::Order);
    Postings {
        currency: order.currency,
        amount_minor: order.amount_minor,
        orders: vec![order],
        ..bare
    }
}

/// Sets goods aside, as far as there are any that are not: where stock may go below zero, all of them.
fn reserve(order: &mut Order, books: &Books, at: Timestamp, progress: &mut Vec<OrderProgress>) {
    let unlimited = books.may_go_below_zero(&order.location);
    let mut taken = std::collections::HashMap::new();
    for index in 0..order.lines.len() {
        let line = &order.lines[index];
        let free = books.on_hand(line.product_id, &order.location)
            - books.reserved(line.product_id, &order.location)
            - taken.get(&line.product_id).copied().unwrap_or(0);
        let wanted = line.left(OrderStep::Reserved);
        let quantity_micro = if unlimited { wanted } else { wanted.min(free) };
        if quantity_micro > 0 {
            *taken.entry(line.product_id).or_insert(0) += quantity_micro;
            set_aside(order, index, quantity_micro, at, progress);
        }
    }
}

fn release(order: &mut Order, at: Timestamp, progress: &mut Vec<OrderProgress>) {
    for index in 0..order.lines.len() {
        let reserved_micro = order.lines[index].reserved_micro;
        if reserved_micro != 0 {
            set_aside(order, index, -reserved_micro, at, progress);
        }
    }
}

fn set_aside(order: &mut Order, index: usize, quantity_micro: i64, at: Timestamp, progress: &mut Vec<OrderProgress>) {
    let (document, number) = (order.reference(), Arc::clone(&order.number));
    let line = &mut order.lines[index];
    line.advance(OrderStep::Reserved, quantity_micro);
    progress.push(OrderProgress {
        id: cortex_types::LineId(ids::next()),
        order_id: order.id,
        line_id: line.id,
        step: OrderStep::Reserved,
        quantity_micro,
        document,
        number,
        document_line_no: line.line_no,
        at,
    });
}

/// When a product is ordered again.
pub fn plan_reorder_rule(command: &SetReorderRule, books: &Books, now: Timestamp) -> Result<Postings, ErpError> {
    let product = books
        .products
        .get(&command.product)
        .ok_or_else(|| ErpError::UnknownProduct(Arc::clone(&command.product)))?;
    if product.kind == ProductKind::Service {
        return Err(ErpError::invalid(
            "product",
            format!("'{}' is a service and has no stock", product.code),
        ));
    }
    let location = books.location("location", command.location.as_ref())?;
    check_quantity("point", command.point_micro)?;
    check_quantity("up_to", command.up_to_micro)?;
    check_quantity("lot", command.lot_micro.unwrap_or(1))?;
    if command.point_micro < 0 {
        return Err(ErpError::invalid("point", "must not be below zero"));
    }
    if command.up_to_micro <= command.point_micro {
        return Err(ErpError::invalid(
            "up_to",
            "must be above the point at which it is ordered",
        ));
    }
    if command.lot_micro.is_some_and(|lot| lot <= 0) {
        return Err(ErpError::invalid("lot", "must be above zero"));
    }
    let supplier = command.supplier.as_ref().map(|code| books.supplier(code)).transpose()?;
    let known = books.reorder_rules.get(&(product.id, Arc::clone(&location)));
    let rule = ReorderRule {
        id: known.map_or_else(|| ReorderRuleId(ids::next()), |known| known.id),
        product_id: product.id,
        product_code: Arc::clone(&product.code),
        location,
        point_micro: command.point_micro,
        up_to_micro: command.up_to_micro,
        lot_micro: command.lot_micro,
        supplier: supplier.map(|party| Arc::clone(&party.code)),
        created_at: known.map_or(now, |known| known.created_at),
    };
    let number = Arc::from(format!("{}@{}", rule.product_code, rule.location));
    Ok(Postings::bare(
        DocumentKind::ReorderRule,
        rule.id.0,
        number,
        now,
        Document::ReorderRule(rule),
    ))
}
