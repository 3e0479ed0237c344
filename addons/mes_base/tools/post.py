"""E-mails of ours: into Odoo's queue, from the company's address, and on their way at once."""


def queue(company, subject: str, body_html, partners, **values):
    """A mail to partners with an address, as a ``mail.mail`` that goes out when this transaction is committed.

    Odoo's own job empties the queue once an hour: a call for help or the report of a shift would be read too late.
    """
    # Whoever lets a mail be written need not be allowed to read jobs and mails.
    company = company.sudo()
    env = company.env
    mail = env["mail.mail"].create(
        {
            "subject": subject,
            "body_html": body_html,
            "recipient_ids": [(6, 0, partners.ids)],
            "auto_delete": True,
            **({"email_from": sender} if (sender := company.email_formatted) else {}),
            **values,
        }
    )
    env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
    return mail
