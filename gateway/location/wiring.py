"""What settings make: keys, boundaries, rules. Reads files; the only place that knows where they are."""

from __future__ import annotations

from gateway.location.atlas import read_atlas
from gateway.location.development import development_keys
from gateway.location.keys import VendorKey, read_keys
from gateway.location.receipts import ReceiptKeys
from gateway.location.rules import read_rules
from gateway.location.service import Known
from gateway.location.settings import LocationSettings
from gateway.sealing import keys_from_text


def known(settings: LocationSettings) -> Known:
    """Raises Refused for what the files hold, OSError."""
    development = settings.environment == "development"
    keys: dict[str, VendorKey] = {}
    if settings.vendor_keys is not None:
        keys |= read_keys(settings.vendor_keys.read_bytes(), development=development)
    receipts = ReceiptKeys(keys_from_text(settings.receipt_keys.get_secret_value()))
    if settings.development_dir is not None:
        made = development_keys(settings.development_dir)
        keys |= made.vendor_keys()
        receipts = receipts or made.receipt_keys()
    return Known(keys, read_atlas(settings.zones), read_rules(), settings.policy(), receipts)
