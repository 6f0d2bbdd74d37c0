"""Baskets: what is in them, whose they are, and who else may look."""

import asyncio

import pytest

A = {"service": "own", "did": "ivo://x/~?a/1"}
B = {"service": "own", "did": "ivo://x/~?a/2", "label": "Crab", "note": "flare", "size": 10}
C = {"service": "other", "did": "ivo://x/~?a/1"}


def dids(basket):
    return [(item["service"], item["did"]) for item in basket["items"]]


def key(item):
    return (item["service"], item["did"])


async def make(client, name="Crab", items=()):
    answer = await client.post("/api/baskets", json={"name": name, "items": list(items)})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_items_are_kept_in_order_and_once(explorer):
    async with explorer() as served:
        anna = await served.user("anna")
        basket = await make(anna, items=[B, A])
        assert dids(basket) == [key(B), key(A)] and basket["count"] == 2
        address = f"/api/baskets/{basket['id']}"
        # The same identifier of another service is something else; what comes again stays where it is.
        again = (await anna.post(f"{address}/items", json={"items": [C, A, C]})).json()
        assert dids(again) == [key(B), key(A), key(C)]
        assert again["items"][0] == B
        told = (
            await anna.post(f"{address}/items", json={"items": [A | {"note": "mine"}, B | {"note": None}]})
        ).json()
        notes = {key(item): item["note"] for item in told["items"]}
        assert notes == {key(A): "mine", key(B): "flare", key(C): None}
        assert told["changed"] > basket["changed"]
        less = (
            await anna.post(f"{address}/items/remove", json={"keys": [key(A), ("own", "nothing")]})
        ).json()
        assert dids(less) == [key(B), key(C)]
        assert (await anna.get(address)).json() == less


async def test_baskets_are_changed_duplicated_merged_deleted(explorer):
    async with explorer() as served:
        anna = await served.user("anna")
        one, two = await make(anna, "One", [A]), await make(anna, "Two", [B, A])
        address = f"/api/baskets/{one['id']}"
        named = (await anna.patch(address, json={"name": "First"})).json()
        assert (named["name"], named["note"], named["count"]) == ("First", None, 1)
        assert (await anna.patch(address, json={"note": "n"})).json()["note"] == "n"
        assert (await anna.patch(address, json={"name": None})).json()["name"] == "First"
        assert (await anna.patch(address, json={"note": None})).json()["note"] is None
        copy = (await anna.post(f"/api/baskets/{two['id']}/duplicate")).json()
        assert copy["name"] == "Two (copy)" and copy["items"] == two["items"] and copy["shared"] is None
        merged = await anna.post(f"{address}/merge", json={"sources": [two["id"], one["id"]]})
        assert dids(merged.json()) == [key(A), key(B)]
        listed = (await anna.get("/api/baskets")).json()
        assert (listed[0]["name"], listed[0]["count"]) == ("First", 2)
        assert {each["name"] for each in listed} == {"First", "Two", "Two (copy)"}
        assert (await anna.delete(address)).status_code == 204
        assert (await anna.get(address)).status_code == 404
        assert (await anna.delete(address)).status_code == 404


async def test_others_baskets_do_not_exist(explorer):
    async with explorer() as served:
        anna, ben = await served.user("anna"), await served.user("ben")
        basket, his = await make(anna, items=[A]), await make(ben)
        address = f"/api/baskets/{basket['id']}"
        assert [each["id"] for each in (await ben.get("/api/baskets")).json()] == [his["id"]]
        tries = [
            ben.get(address),
            ben.patch(address, json={"name": "x"}),
            ben.delete(address),
            ben.post(f"{address}/items", json={"items": [B]}),
            ben.post(f"{address}/items/remove", json={"keys": [key(A)]}),
            ben.post(f"{address}/duplicate"),
            ben.post(f"{address}/merge", json={"sources": [his["id"]]}),
            ben.post(f"/api/baskets/{his['id']}/merge", json={"sources": [basket["id"]]}),
            ben.post(f"{address}/share"),
            ben.delete(f"{address}/share"),
            ben.get(f"{address}/bundle"),
            ben.get(f"{address}/script"),
        ]
        for answer in await asyncio.gather(*tries):
            assert answer.status_code == 404 and answer.json()["code"] == "no_basket"
        assert (await anna.get(address)).json() == basket
        nobody = await served.browser()
        answer = await nobody.get(address)
        assert answer.status_code == 401 and answer.json()["code"] == "login_needed"


async def test_a_link_shares_a_basket_until_it_is_withdrawn(explorer):
    async with explorer() as served:
        anna, nobody = await served.user("anna"), await served.browser()
        basket = await make(anna, items=[A, B])
        address = f"/api/baskets/{basket['id']}/share"
        token = (await anna.post(address)).json()["token"]
        assert len(token) == 32 and (await anna.post(address)).json()["token"] == token
        seen = (await nobody.get(f"/api/shared/baskets/{token}")).json()
        assert seen["items"] == (await anna.get(f"/api/baskets/{basket['id']}")).json()["items"]
        assert (await nobody.get(f"/api/shared/queries/{token}")).status_code == 404
        assert (await anna.delete(address)).status_code == 204
        assert (await nobody.get(f"/api/shared/baskets/{token}")).status_code == 404
        assert (await anna.post(address)).json()["token"] != token


async def test_baskets_have_bounds(explorer):
    async with explorer(basket_items=3, baskets=2) as served:
        anna = await served.user("anna")
        many = [{"service": "own", "did": f"d{number}"} for number in range(4)]
        answer = await anna.post("/api/baskets", json={"name": "x", "items": many})
        assert answer.status_code == 409 and answer.json()["detail"] == {"allowed": 3, "count": 4}
        assert (await anna.get("/api/baskets")).json() == []
        basket = await make(anna, items=many[:2])
        address = f"/api/baskets/{basket['id']}/items"
        # At the same time: one after the other, and the bound holds.
        answers = await asyncio.gather(*(anna.post(address, json={"items": [item]}) for item in many[2:]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert (await anna.get(f"/api/baskets/{basket['id']}")).json()["count"] == 3
        await make(anna)
        assert (await anna.post("/api/baskets", json={"name": "x"})).status_code == 409


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        ({"service": "none", "did": "a"}, 404, "unknown_service"),
        ({"service": "own", "did": "a\nb"}, 400, "bad_did"),
        ({"service": "own", "did": " a"}, 400, "bad_did"),
        ({"service": "own", "did": ""}, 422, "invalid"),
        ({"service": "own", "did": "a", "note": "\x00"}, 400, "bad_request"),
        ({"service": "own", "did": "a", "size": 2**70}, 400, "bad_request"),
        ({"service": "own", "did": "a", "obs_id": "1"}, 422, "invalid"),
    ],
)
async def test_what_is_no_data_set_is_refused(explorer, item, status, code):
    async with explorer() as served:
        anna = await served.user("anna")
        basket = await make(anna)
        answer = await anna.post(f"/api/baskets/{basket['id']}/items", json={"items": [item]})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_large_basket_is_put_in_at_once(explorer):
    async with explorer() as served:
        anna = await served.user("anna")
        many = [{"service": "own", "did": f"ivo://x/~?a/{number}"} for number in range(10_000)]
        basket = await make(anna, items=many)
        assert [item["did"] for item in basket["items"]] == [item["did"] for item in many]
        keys = [["own", item["did"]] for item in many[:9_999]]
        left = await anna.post(f"/api/baskets/{basket['id']}/items/remove", json={"keys": keys})
        assert dids(left.json()) == [("own", many[-1]["did"])]
