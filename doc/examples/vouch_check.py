#!/usr/bin/env python3
"""Judges a report from a file with libvouch, by ctypes: vouch_check.py REPORT VEK [SECONDS]. Prints the verdict as JSON."""

import ctypes
import sys

WHY_SIZE = 320
VOUCH_VEK = 1

lib = ctypes.CDLL("libvouch.so.0")
lib.vouch_request_new.restype = ctypes.c_void_p
lib.vouch_verdict_json.restype = ctypes.c_void_p # not c_char_p: the text is ours to free
lib.vouch_verdict_fact.restype = ctypes.c_char_p
lib.vouch_fact_name.restype = ctypes.c_char_p


def call(function, *arguments):
    """Calls what tells its errors by a status and a sentence."""
    why = ctypes.create_string_buffer(WHY_SIZE)
    if function(*arguments, why, ctypes.c_size_t(WHY_SIZE)) != 0:
        raise ValueError(why.value.decode())


def facts(verdict):
    """What a verdict is about: {name: text}."""
    told, index = {}, 0
    while name := lib.vouch_fact_name(ctypes.c_size_t(index)):
        told[name.decode()] = lib.vouch_verdict_fact(verdict, name).decode()
        index += 1
    return told


def verify(report, vek, seconds=None, tell=lambda verdict: None):
    """The verdict on a report under a VEK's certificate (bytes), as JSON; `tell` may look at it before it goes."""
    request, verdict = ctypes.c_void_p(lib.vouch_request_new()), ctypes.c_void_p()
    try:
        call(lib.vouch_request_set_report, request, report, ctypes.c_size_t(len(report)))
        call(lib.vouch_request_set_endorsement, request, VOUCH_VEK, vek, ctypes.c_size_t(len(vek)))
        if seconds is not None:
            lib.vouch_request_set_time(request, ctypes.c_int64(seconds))
        call(lib.vouch_verify, None, request, ctypes.byref(verdict))
        text = ctypes.c_void_p(lib.vouch_verdict_json(verdict))
        json = ctypes.string_at(text).decode()
        tell(verdict)
        lib.vouch_text_free(text)
        return json
    finally:
        lib.vouch_verdict_free(verdict)
        lib.vouch_request_free(request)


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as report_file, open(sys.argv[2], "rb") as vek_file:
        print(verify(report_file.read(), vek_file.read(), *map(int, sys.argv[3:])))
