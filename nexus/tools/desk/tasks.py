"""The desk's tasks: one VTODO a file, the form that Thunderbird, Nextcloud, todoman and phones read and sync.

A todo.txt would be one file for all: every change rewrites everybody's line, and few programs open it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from icalendar import Todo
from pydantic import Field

from nexus.errors import NotFound, ToolFailed
from nexus.ports.tools import ToolResult
from nexus.tools.desk.entries import changed, in_file, new_entry, parsed, stored
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.optional import OptionalText
from nexus.tools.desk.shelf import Shelf
from nexus.tools.desk.text import best_matches, checked_line, shown_line
from nexus.tools.desk.times import LocalTime, shown_moment
from nexus.tools.local import tool

TaskId = Annotated[str, Field(description="Id of the task, e.g. task-2")]


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is shown."""

    task_id: str
    title: str
    due: date | datetime | None
    is_done: bool

    def __str__(self) -> str:
        parts = (
            self.task_id,
            self.title,
            f"due {shown_moment(self.due)}" if self.due else "",
            "done" if self.is_done else "",
        )
        return " | ".join(part for part in parts if part)


class Tasks:
    """The tasks in `tasks`."""

    def __init__(self, folder: Folder, time: LocalTime) -> None:
        self._time = time
        self.shelf = Shelf(folder, place="tasks", prefix="task", suffix=".ics", noun="task")

    @tool(title="List tasks", hints=["readOnlyHint"])
    def list_tasks(
        self, *, include_done: Annotated[bool, Field(description="Also list tasks that are done")] = False
    ) -> str:
        """List the to-do tasks: id, title and due date."""
        lines = [str(task) for task in self._all() if include_done or not task.is_done]
        return "\n".join(lines) or "There are no open tasks."

    @tool(title="Add a task", hints=["createHint"])
    def add_task(
        self,
        title: Annotated[str, Field(description="What is to be done, e.g. Fix the login bug")],
        due: Annotated[
            OptionalText, Field(description="Day it is due, e.g. 2026-11-27; only if there is one")
        ] = None,
    ) -> ToolResult:
        """Add a new task to the to-do list."""
        when = self._time.parse("due", due) if due else None
        todo = new_entry(Todo, checked_line("title", title), self._time.now())
        todo.add("status", "NEEDS-ACTION")
        if when is not None:
            todo.add("due", stored(when))
        task_id = self.shelf.add(lambda _: in_file(todo))
        return ToolResult(f"Added {self._read(task_id)}.", reference=self.shelf.path_of(task_id))

    @tool(title="Complete a task", hints=["updateHint", "idempotentHint"])
    def complete_task(self, task_id: TaskId) -> ToolResult:
        """Mark a task on the to-do list as done."""
        task = self._read(self._find(task_id))
        reference = self.shelf.path_of(task.task_id)
        if task.is_done:
            return ToolResult(f"{task.task_id} {task.title!r} was done already.", reference=reference)
        now = self._time.now()
        done = {"status": "COMPLETED", "percent-complete": 100, "completed": now.astimezone(UTC)}
        self.shelf.change(task.task_id, lambda content: changed(task.task_id, content, "VTODO", now, done))
        return ToolResult(f"Marked {task.task_id} {task.title!r} as done.", reference=reference)

    @tool(title="Delete a task", hints=["destructiveHint"])
    def delete_task(self, task_id: TaskId) -> str:
        """Delete a task from the to-do list; its file goes to the trash folder."""
        task = self._read(self._find(task_id))
        self.shelf.discard(task.task_id)
        return f"Deleted {task.task_id} {task.title!r}."

    def _all(self) -> Sequence[Task]:
        tasks: list[Task] = []
        for task_id in self.shelf.ids():
            try:
                tasks.append(self._read(task_id))
            except ToolFailed:
                tasks.append(Task(task_id, "(the file cannot be read)", None, is_done=False))
        return tasks

    def _read(self, task_id: str) -> Task:
        entries = parsed(task_id, self.shelf.read(task_id)).walk("VTODO")
        if not entries:
            raise ToolFailed(f"The file of {task_id} holds no task.")
        todo = entries[0]
        due = todo.decoded("due") if "due" in todo else None
        return Task(
            task_id,
            shown_line(str(todo.get("summary", ""))) or "(no title)",
            self._time.local(due) if isinstance(due, datetime) else due,
            is_done=str(todo.get("status", "")) in ("COMPLETED", "CANCELLED"),
        )

    def _find(self, asked: str) -> str:
        try:
            return self.shelf.find("task_id", asked)
        except NotFound as error:
            like = best_matches(asked, self._all(), lambda task: task.title)
            remedy = f"Did you mean {' or '.join(map(str, like[:3]))}?" if like else None
            raise NotFound(error.message, remedy=remedy) from error
