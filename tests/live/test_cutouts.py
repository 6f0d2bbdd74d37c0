import re
import urllib.parse

import pytest

SERVICE = "/rd/access/cutout/dlget"


def ask(instance, *parameters):
    return instance.get(f"{SERVICE}?{urllib.parse.urlencode(parameters)}")


@pytest.mark.parametrize(
    ("parameters", "status", "says"),
    [
        ([("CIRCLE", "1 2")], 400, "UsageError: CIRCLE = '1 2': 2 numbers, expected three"),
        ([("CIRCLE", "1 2 3"), ("CIRCLE", "1 2 4")], 400, "MultiValuedParamNotSupported: CIRCLE"),
        ([("TIME", "2 1")], 400, "UsageError: TIME"),
        ([("RESPONSES", "some")], 400, "UsageError: RESPONSES"),
        ([("RESPONSEFORMAT", "image/png")], 400, "UsageError: RESPONSEFORMAT"),
        ([("COLOUR", "red")], 422, "UsageError: Field colour"),
        ([("ID", "nothing")], 404, "UsageError: ID = nothing"),
        ([("ID", "ivo://nobody")], 400, "UsageError: ID = ivo://nobody"),
    ],
)
def test_what_makes_no_sense_is_said_as_soda_has_it(instance, obs_id, parameters, status, says):
    answer = ask(instance, ("ID", obs_id), *parameters)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith(says)
    assert "Traceback" not in answer.text


def test_a_request_without_a_data_set(instance):
    answer = ask(instance, ("CIRCLE", "1 2 3"))
    assert (answer.status, answer.text[:11]) == (422, "UsageError:")


@pytest.mark.parametrize("query", ["ID=%ff", "ID={obs_id}&TIME=%ff", "ID={obs_id}&RESPONSES=%ff&ID=%c3"])
def test_what_is_no_text_is_refused(instance, obs_id, query):
    answer = instance.get(f"{SERVICE}?{query.format(obs_id=obs_id)}")
    assert answer.status == 400
    assert "expected text in UTF-8" in answer.text


def test_responses_are_no_event_lists(instance, obs_id):
    answer = ask(instance, ("ID", f"ivo://{instance.authority}/~?hess_dr/{obs_id}/aeff"))
    assert answer.status == 400
    assert "event lists only" in answer.text


def test_a_cut_out_is_a_file_with_a_name(instance, obs_id):
    answer = ask(instance, ("ID", obs_id), ("ENERGY", "1e12 2e12"), ("RUNID", "mine"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-fits-gadf")
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert answer.headers["Content-Disposition"].endswith('_cutout.fits"')
    assert answer.body.startswith(b"SIMPLE")


@pytest.mark.parametrize(
    "parameter", [("TIME", "1 2"), ("ENERGY", "1 2"), ("BAND", "1 2"), ("CIRCLE", "0 0 0")]
)
def test_nothing_selected_is_no_error(instance, obs_id, parameter):
    answer = ask(instance, ("ID", obs_id), parameter, ("RESPONSES", "ALL"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-fits-gadf")


@pytest.mark.parametrize(
    ("media_type", "begins"), [("application/json", b"{"), ("application/x-votable+xml", b"<?xml")]
)
def test_its_provenance_can_be_asked_for(instance, obs_id, media_type, begins):
    answer = ask(instance, ("ID", obs_id), ("ENERGY", "1e12 2e12"), ("RESPONSEFORMAT", media_type))
    assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
    assert answer.body.startswith(begins)
    assert b"1000000000000.0 2000000000000.0" in answer.body


def test_all_formats_that_are_offered_can_be_had(instance, obs_id):
    described = instance.get(f"/rd/access/dl/dlmeta?ID={obs_id}").text
    parameter = re.search(r'name="RESPONSEFORMAT".*?</PARAM>', described, re.DOTALL)
    offered = re.findall(r'<OPTION[^>]* value="([^"]+)"', parameter[0])
    assert len(offered) > 1
    for media_type in offered:
        answer = ask(instance, ("ID", obs_id), ("ENERGY", "1e12 2e12"), ("RESPONSEFORMAT", media_type))
        assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)


def test_its_own_links_describe_the_service(instance, obs_id):
    answer = instance.get(f"/rd/access/cutout/dlmeta?ID={obs_id}&ID=nothing")
    assert answer.status == 200
    assert "NotFoundFault" in answer.text
    for standard in ("sync", "async"):
        assert f"soda#{standard}-1.0" in answer.text
