"""What a certificate may be used for, by the official tls plugin's words."""

from __future__ import annotations

from collections.abc import Mapping

KEY_USES: Mapping[str, str] = {  # the word -> the flag of the extension
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
_KEY_PURPOSE = "1.3.6.1.5.5.7.3"
EXTENDED_USES: Mapping[str, str] = {  # the word -> the object identifier
    "any_extended": "2.5.29.37.0",
    "server_auth": f"{_KEY_PURPOSE}.1",
    "client_auth": f"{_KEY_PURPOSE}.2",
    "code_signing": f"{_KEY_PURPOSE}.3",
    "email_protection": f"{_KEY_PURPOSE}.4",
    "ipsec_end_system": f"{_KEY_PURPOSE}.5",
    "ipsec_tunnel": f"{_KEY_PURPOSE}.6",
    "ipsec_user": f"{_KEY_PURPOSE}.7",
    "timestamping": f"{_KEY_PURPOSE}.8",
    "ocsp_signing": f"{_KEY_PURPOSE}.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}
