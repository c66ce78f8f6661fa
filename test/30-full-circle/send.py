"""Sends one message with Python's smtplib. Standard input: a JSON object with mode, port, mechanism, user, password, ca, sender, recipients, file."""

import json
import smtplib
import ssl
import sys

task = json.load(sys.stdin)
context = ssl.create_default_context(cafile=task["ca"])
if task["mode"] == "starttls":
    smtp = smtplib.SMTP("localhost", task["port"], timeout=30)
    smtp.ehlo()
    smtp.starttls(context=context)
else:
    smtp = smtplib.SMTP_SSL("localhost", task["port"], context=context, timeout=30)
smtp.ehlo()
smtp.user, smtp.password = task["user"], task["password"]
code, text = smtp.auth(task["mechanism"], getattr(smtp, "auth_" + task["mechanism"].lower()), initial_response_ok=task["initial"])
assert code == 235, (code, text)
with open(task["file"], "rb") as file:
    refused = smtp.sendmail(task["sender"], task["recipients"], file.read(), mail_options=["BODY=8BITMIME"])
smtp.quit()
print(json.dumps({"refused": refused}))
