-- Among all moves those of receipts are few, and so are those that go back or were added to a cost: what is not billed yet is found by them.
CREATE INDEX stock_moves_received ON stock_moves (tenant_id, id) WHERE document_kind = 'purchase-receipt' AND reason = 'receipt';
CREATE INDEX stock_moves_returned_to_suppliers ON stock_moves (tenant_id, of_move) WHERE reason = 'supplier_return';
CREATE INDEX stock_moves_added ON stock_moves (tenant_id, of_move) WHERE cost = 'added';
