"""Asking before something is destroyed: one question, y or n."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class Confirm(ModalScreen[bool]):
    """True when the person said yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", tooltip="Do it", id="confirm.yes"),
        Binding("n,escape", "answer(False)", "No", tooltip="Leave everything as it is", id="confirm.no"),
    ]

    def __init__(self, question: str):
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and its two keys."""
        with Vertical():
            yield Static(self._question, markup=False)
            yield Static("y yes    n no", markup=False)

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
