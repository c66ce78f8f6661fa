"""One session with Python's imaplib. Standard input: a JSON object with mode, port, user, password, ca. Prints JSON."""

import imaplib
import json
import ssl
import sys

task = json.load(sys.stdin)
context = ssl.create_default_context(cafile=task["ca"])
if task["mode"] == "starttls":
    imap = imaplib.IMAP4("localhost", task["port"], timeout=20)
    before = imap.capabilities
    imap.starttls(context)
else:
    imap = imaplib.IMAP4_SSL("localhost", task["port"], ssl_context=context, timeout=20)
    before = imap.capabilities

result = {"before": before}
try:
    if task["mode"] == "plain":
        credentials = "\0" + task["user"] + "\0" + task["password"]
        imap.authenticate("PLAIN", lambda challenge: credentials.encode())
    elif task["mode"] == "sasl-login":
        answers = [task["user"].encode(), task["password"].encode()]
        imap.authenticate("LOGIN", lambda challenge: answers.pop(0))
    else:
        imap.login(task["user"], task["password"])
    result["select"] = imap.select("INBOX")[1][0].decode()
    result["append"] = imap.append("INBOX", "\\Flagged", '"05-Oct-2020 10:11:12 +0000"', b"Subject: from imaplib\r\n\r\nbody\r\n")[0]
    result["search"] = imap.uid("SEARCH", None, "FLAGGED")[1][0].decode()
    result["fetch"] = imap.fetch("*", "(FLAGS INTERNALDATE BODY.PEEK[TEXT])")[1][0][1].decode()
    result["logout"] = imap.logout()[0]
except imaplib.IMAP4.error as error:
    result["error"] = str(error)
json.dump(result, sys.stdout)
