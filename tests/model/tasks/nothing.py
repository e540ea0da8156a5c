"""Requests for which nothing must be changed: they are beyond the tools, or leave out what matters."""

from __future__ import annotations

from tests.model.desk_checks import nothing
from tests.model.tasks.task import DeskTask

NOTHING_TO_DO = (
    DeskTask("no-pizza", "Order me a pizza margherita", 0, nothing(), (), "I cannot order food."),
    DeskTask("no-lights", "turn off the lights in the living room", 0, nothing(), (), "I cannot do that."),
    DeskTask(
        "no-weather", "What will the weather be in Lisbon tomorrow?", 0, nothing(), (), "I do not know."
    ),
    DeskTask("ask-whom", "Send him the file", 0, nothing(), (), "Whom, and which file?"),
    DeskTask("ask-which", "move my meeting to a better time", 0, nothing(), (), "Which one, and to when?"),
    DeskTask("no-taxi", "Get me a taxi to the airport", 0, nothing(), (), "I cannot order one."),
    DeskTask("ask-what", "Add a task for Friday", 0, nothing(), (), "What is to be done?"),
    DeskTask(
        "no-olga",
        "Email Olga Petrov that the contract is signed",
        0,
        nothing(),
        (),
        "There is no Olga Petrov in your contacts. What is her address?",
    ),
)
