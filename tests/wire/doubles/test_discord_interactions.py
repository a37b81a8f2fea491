"""The Discord double's buttons, menus, forms and commands, as discord.py answers them."""

from __future__ import annotations

import discord
import pytest

from tests.doubles.discord import (
    CallbackType,
    Limits,
    MessageFlag,
    discord_server,
    logged_in,
)
from tests.doubles.listener import Listener, general, soon, stop_view

pytestmark = pytest.mark.real_time


async def test_a_button_is_pressed_and_answered_in_place() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("writing", view=stop_view())
        assert [m.id for m in server.record.writing()] == [str(sent.id)]
        interaction = server.people.press(str(sent.id), "Stop", user="Bob")
        pressed = await soon(client.pressed)
        assert pressed.data["custom_id"] == "run:1:stop"
        await pressed.response.edit_message(content="stopped", view=None)
        assert (await interaction.callback()).type is CallbackType.UPDATE
        assert server.record.shown() == ["stopped"]
        assert server.record.writing() == []
        with pytest.raises(LookupError, match="shows no button"):
            server.people.press(str(sent.id), "Stop")


class Form(discord.ui.Modal, title="Why?"):
    """Asks for a reason."""

    reason = discord.ui.TextInput[discord.ui.Modal](label="Reason", custom_id="reason")

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        await interaction.response.send_message(self.reason.value, ephemeral=True)


async def test_a_menu_opens_a_form_that_is_filled_in() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        options = [discord.SelectOption(label="Bad", value="bad")]
        menu = discord.ui.Select[discord.ui.View](custom_id="menu", options=options)
        sent = await general(client, server).send("?", view=discord.ui.View().add_item(menu))
        chosen = server.people.choose(str(sent.id), "menu", ["bad"])
        pressed = await soon(client.pressed)
        assert menu.values == ["bad"]
        await pressed.response.send_modal(Form(custom_id="form"))
        assert (await chosen.callback()).data["custom_id"] == "form"
        submitted = server.people.submit("form", {"reason": "wrong"}, message_id=str(sent.id))
        callback = await submitted.callback()
        assert callback.data["content"] == "wrong"
        assert server.record.messages(by_bot=True)[-1].ephemeral


async def test_a_deferred_press_is_followed_up() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("writing", view=stop_view())
        interaction = server.people.press(str(sent.id), "run:1:stop")
        pressed = await soon(client.pressed)
        await pressed.response.defer()
        assert (await interaction.callback()).type is CallbackType.DEFERRED_UPDATE
        await pressed.edit_original_response(content="stopping")
        said = await pressed.followup.send("only for you", ephemeral=True, wait=True)
        assert server.record.history[str(said.id)].ephemeral
        assert server.record.history[str(sent.id)].content == "stopping"
        assert [m.content async for m in sent.channel.history()] == ["stopping"]


async def test_a_slash_command_is_registered_given_and_answered() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:

        @client.tree.command(description="Asks")
        async def ask(interaction: discord.Interaction, text: str) -> None:
            await interaction.response.defer(thinking=True)
            loading = server.record.messages(by_bot=True)[-1]
            assert MessageFlag.LOADING in loading.now.flags
            await interaction.followup.send(f"You said {text}")

        await client.tree.sync()
        interaction = server.people.command("ask", {"text": "hi"})
        assert (await interaction.callback()).type is CallbackType.DEFERRED_MESSAGE
        await server.record.until(lambda: server.record.shown() == ["You said hi"])
        assert server.record.messages(by_bot=True)[-1].id == interaction.original_id
        with pytest.raises(LookupError, match="no command"):
            server.people.command("forget")


async def test_a_command_of_a_messages_menu_gets_the_message() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:

        @client.tree.context_menu(name="Quote")
        async def quote(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"> {message.content}")

        await client.tree.sync()
        said = server.people.say("words")
        interaction = server.people.message_command("Quote", said)
        callback = await interaction.callback()
        assert callback.message_id is not None
        assert server.record.history[callback.message_id].content == "> words"


async def test_an_interaction_is_answered_once_and_in_time() -> None:
    limits = Limits(answer_seconds=0.0)
    async with discord_server() as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("writing", view=stop_view())
        server.people.press(str(sent.id), "Stop")
        pressed = await soon(client.pressed)
        with pytest.raises(discord.NotFound, match="10015"):
            await pressed.followup.send("too early")
        await pressed.response.defer()
        pressed.response._response_type = None
        with pytest.raises(discord.HTTPException, match="40060"):
            await pressed.response.defer()
        server.platform.limits = limits
        server.people.press(str(sent.id), "Stop")
        late = await soon(client.pressed)
        with pytest.raises(discord.NotFound, match="10062"):
            await late.response.defer()
        server.platform.limits = Limits(interaction_life=0.0)
        with pytest.raises(discord.HTTPException, match="50027"):
            await pressed.followup.send("too late")
