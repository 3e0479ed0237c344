from . import sheet, shift_pdf
