"""Batches of stocks, told apart by a reference condition, and the correction for them."""

from flowrig.run_record.batches.estimate import Batch, batch_text, batches_of, corrected
from flowrig.run_record.batches.fresh import FreshStock, fresh_stocks

__all__ = ["Batch", "FreshStock", "batch_text", "batches_of", "corrected", "fresh_stocks"]
