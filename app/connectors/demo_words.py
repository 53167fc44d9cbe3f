"""What the demo history is made of: an online shop, its kinds of work, its titles and reasons."""

from dataclasses import dataclass
from random import Random

from app.domain.work_item import WorkItemType


@dataclass(frozen=True, slots=True)
class Kind:
    """How common a type is, how large compared with a feature, and how much its size varies.

    A title is one phrase of each of `phrases`, in this order: every combination must read well.
    """

    share: float
    size: float
    sigma: float
    skips_preparation: float  # the share of its items that need none
    phrases: tuple[tuple[str, ...], ...]

    def title(self, rng: Random) -> str:
        """Make up a title."""
        return " ".join(rng.choice(alternatives) for alternatives in self.phrases)


KINDS = {
    WorkItemType.FEATURE: Kind(
        share=0.45,
        size=1.0,
        sigma=0.6,
        skips_preparation=0,
        phrases=(
            (
                "Save the basket for later",
                "Filter products by size and colour",
                "Pay with a gift card",
                "Pay in three instalments",
                "Choose a delivery slot",
                "Collect orders in a store",
                "Split an order into two deliveries",
                "Return items without a printed label",
                "Reorder with one click",
                "Compare up to four products",
                "Share a wish list",
                "Show delivery costs before checkout",
                "Notify when an item is back in stock",
                "Combine several vouchers",
                "Change the address after ordering",
                "Follow a parcel on a map",
                "Rate products with photos",
                "Suggest matching accessories",
                "Search by photo",
                "Sign in with a passkey",
                "Download all invoices at once",
                "Add a gift message",
                "Show prices in the local currency",
                "Subscribe to regular deliveries",
            ),
            (
                "for guests",
                "for loyalty members",
                "for business customers",
                "for marketplace orders",
                "in the web shop",
                "in the iPhone app",
                "in the Android app",
                "in the Nordic shops",
                "in the outlet shop",
                "on small screens",
                "for a tenth of the visitors",
                "for orders with several recipients",
            ),
        ),
    ),
    WorkItemType.BUG: Kind(
        share=0.30,
        size=0.45,
        sigma=0.9,
        skips_preparation=1,
        phrases=(
            (
                "Basket total",
                "Delivery estimate",
                "Order confirmation mail",
                "Stock count",
                "Search result list",
                "Invoice PDF",
                "Voucher discount",
                "Loyalty balance",
                "Product gallery",
                "Parcel status",
                "Return label",
                "Wish list",
                "VAT amount",
                "Recently viewed list",
            ),
            (
                "is wrong",
                "is missing",
                "is out of date",
                "is shown twice",
                "takes ten seconds to appear",
                "stays empty",
                "is cut off",
            ),
            (
                "after a voucher is removed",
                "after the session has expired",
                "after a partial refund",
                "when two tabs are open",
                "when the payment is retried",
                "when an item sells out",
                "on Safari",
                "on slow connections",
                "for orders with a gift card",
                "for addresses with umlauts",
                "for pre-orders",
                "in dark mode",
            ),
        ),
    ),
    WorkItemType.TASK: Kind(
        share=0.20,
        size=0.5,
        sigma=0.5,
        skips_preparation=0.35,
        phrases=(
            (
                "Upgrade the libraries of",
                "Write a runbook for",
                "Add alerts for",
                "Load-test",
                "Rotate the credentials of",
                "Remove dead code from",
                "Move to the new cluster:",
                "Cut the build time of",
                "Add contract tests for",
                "Record a trace through",
                "Delete expired data from",
            ),
            (
                "the payment gateway",
                "the search index",
                "the basket service",
                "the price engine",
                "the stock feed",
                "the order archive",
                "the mail sender",
                "the image resizer",
                "the login service",
                "the warehouse adapter",
                "the returns portal",
                "the recommendation service",
                "the tax calculator",
                "the voucher service",
            ),
        ),
    ),
    WorkItemType.EPIC: Kind(
        share=0.05,
        size=2.5,
        sigma=0.7,
        skips_preparation=0,
        phrases=(
            (
                "One-page checkout",
                "Marketplace for partner sellers",
                "Same-day delivery",
                "New loyalty programme",
                "Self-service returns",
                "Personal home page",
                "Gift shop",
                "Faster product search",
                "Click and collect",
                "Subscription orders",
            ),
            (
                "in all markets",
                "in the mobile apps",
                "for business customers",
                "for the Christmas season",
                "as a first release",
                "without third-party cookies",
                "on the new platform",
                "with full accessibility",
            ),
        ),
    ),
}

MEAN_SIZE = sum(kind.share * kind.size for kind in KINDS.values())
_SHARES = [kind.share for kind in KINDS.values()]

RETURN_REASONS = (
    "Acceptance criterion not met",
    "Fails on mobile Safari",
    "Regression in checkout",
    "Missing translation",
    "Wrong totals with vouchers",
    "Too slow with a full catalogue",
    "Unhandled error when the payment times out",
)
REOPEN_REASONS = (
    "Customers still report the fault",
    "Rolled back: error rate above the limit",
    "Breaks for orders from abroad",
    "Side effect on the order mail",
)
DECOMMIT_REASONS = (
    "A more urgent request came first",
    "Waiting for the partner's interface",
    "Needs a decision on scope",
    "Depends on work not yet planned",
)
CANCEL_REASONS = (
    "Duplicate of another item",
    "No longer needed",
    "Replaced by a bought solution",
    "Effort exceeds the benefit",
    "Requested by a customer who has left",
)


def choose_type(rng: Random) -> WorkItemType:
    """Choose the type of a new item, each as often as its share says."""
    return rng.choices(list(KINDS), _SHARES)[0]
