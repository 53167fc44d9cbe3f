"""What happens beside moves and creations, and is worth telling whoever watches."""

from enum import StrEnum


class NewsKind(StrEnum):
    """What happened."""

    MOVE_VOIDED = "move_voided"
    ITEM_EDITED = "item_edited"
    ITEM_CANCELLED = "item_cancelled"
    ITEM_RESTORED = "item_restored"
    ITEM_BLOCKED = "item_blocked"
    ITEM_UNBLOCKED = "item_unblocked"
    BLOCK_VOIDED = "block_voided"
    STREAM_CHANGED = "stream_changed"
    DEMO_REMOVED = "demo_removed"
