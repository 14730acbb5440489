"""A mail server that prints what it takes: server.py PORT never|starttls|always CERT KEY"""
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Printer:
    async def handle_DATA(self, server, session, envelope):
        print("from", envelope.mail_from, "to", *envelope.rcpt_tos)
        print("by", session.auth_data and session.auth_data.decode(), "encrypted", session.ssl is not None)
        print(envelope.content.decode().replace("\r\n", "\n"), end="")
        print("end", flush=True)
        return "250 taken"


def judge(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"secret", handled=False, auth_data=data.login)


port, mode = int(sys.argv[1]), sys.argv[2]
options = {}
if mode != "never":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    options = {"authenticator": judge, "auth_required": True, "auth_require_tls": mode == "starttls"}
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    else:
        options["ssl_context"] = context
Controller(Printer(), hostname="127.0.0.1", port=port, **options).start()
print("ready", flush=True)
time.sleep(60)
