"""Who has the helm: offering it, and taking it over."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.dialogs.writing import Writing
from migration_cockpit.cockpit import dialogs


class OfferDialog(Writing):
    """The name of the one who shall have it."""

    asks = "Operator, as named at their start:"

    def heading(self) -> str:
        """Its title."""
        return "offer the helm"

    def text(self, width: int) -> list[Line]:
        """What an offer is."""
        said = (
            "The operator named here can take the helm with t, in a cockpit on this session's directory. "
            "Then this cockpit lets go and follows; a step that runs goes on there. An empty name takes the offer back."
        )
        return _wrapped((said,), width)


class TakeOverDialog(Dialog):
    """Who has it, whether it is alive, and the word that confirms."""

    tone = "border-careful"
    asks = "Type the deployment's name to confirm:"

    def heading(self) -> str:
        """Its title."""
        return "take the helm"

    def text(self, width: int) -> list[Line]:
        """As it is now."""
        dialog = self._cockpit_app.desk.dialog
        return _wrapped(dialog.situation(), width) if isinstance(dialog, dialogs.TakeOverDialog) else []

    def wants_field(self) -> bool:
        """Not for a helm that is offered."""
        dialog = self._cockpit_app.desk.dialog
        return isinstance(dialog, dialogs.TakeOverDialog) and not dialog.offered


def _wrapped(texts: tuple[str, ...], width: int) -> list[Line]:
    return [line((each, "text")) for text in texts for each in wrap(text, width)]
