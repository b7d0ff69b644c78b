"""Networks of a few numbers with the inputs and outputs that OpenCV's TrackerVit and TrackerNano expect.

Made with onnx's helper functions: whatever they are shown, their answers are the same maps with one peak. They prove that
files are found, loaded and asked, not that anything is tracked.
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

#: Name -> the ONNX file, deflated, base 85.
_PACKED = {
    "net": (
        "c-rmQ%}&BV5C`zxEs@P|V6#!emBx$ZM7fzLkz*4s9=Y{n8;MjKX+8ARN8k~B5}yFy$!QgA5PSfcY<`>W<li28*i1&Yuiu9-1euv6UHX~PA{p"
        "6mZ=yUjGvhxwU67B)q|qW-_1PO2a0O>8<G+Lt7<K=SD!{KHSM$WS?xF~~z!TsFzFOGUEMLL}a32$eZa?Q)nrEZ09F~J-+1-`HW_etfwe`Blo"
        "VAo3my$~HDfhinerz^3gd7vc@r3@v|K+R|UI=1)B?Mln7%OiHA%qZeTJ~Ckux<(1gb+dqA*aRZRGmQKweY~^myJ<qA9|8&4MK8cfh9{`Z*zM"
        "$13i!t^%e|ZJJQrWILDCs4ppjW^%HUTBI0*sd@M3;0aKk%m74Co"
    ),
    "backbone": (
        "c-rmLze)o!0Knl(|6ZfRd7!x3u~TOkkGhDnAh<|N4_cJ=Xs>oXAHg^9DSSR#a1$JzzAq$%Bvas*_OHL*2k{|xm#b=5$FR?P>s@`=4m-E&)!X"
        "Pip1zcuRr&h7T}-R8$cpSU^ham0Q%&dFA{<6iB*&vH_P6zBIWM<AkMh=RHu`7=={RktS(;^G6885^Gf3c1&5b_*{R8?3^bhDC&_AGmK>vXL0"
        "sRB|2lNl<AJ9Lbe?b3${sH|1`Umt6=pWEOpnpLBfc^pf1NsN_59lAzKcIg=|A78M|A77h{R8?3^bhDC&_AGmK>vXL0sRB|2lNl<AJ9Lbe?b3"
        "${sH|1`Umt6=pWEOpnpLBfc^pf1NsN_59lAzKcIimKcIg=|A77h{R8?3^bhDC&_AGmK>vXL0sRB|2lNl<AJ9Lbe?b3${sH|1`Umt6=pWEOpn"
        "pLBfc^pf1NsN_59lBC59lAzKcIg=|A77h{R8?3^bhDC&_AGmK>vXL0sRB|2lNl<AJ9Lbe?b3${sH|1`Umt6=pWEOpnpLBfc^pf1NsO3`vcHF"
        "pnpLBfc^pf1NsN_59lAzKcIg=|A77h{R8^v|2$pA?s8S_>ijZZq#@5^D-DO)j_o|$9hb-1F!t8F`uCgh@p^Gw_LELbvXgIL_>tf"
    ),
    "neckhead": (
        "c-rmRF;2rU6b4{FH=@?-P|E_u7_yOxdSq%lM(V=ImS9U%kWz_e$<!nC2t5kN;TYJUM5v%1p!`qzB<tz7WqGn}HN5+<e8XqU)w<bCjI1Xa-+R"
        "|Q`h_o7`IyzS_iMMT->$@-WFNI5YL7=Xht&dWsLlp6=XlIiGqquAn++Dt3tupmA<>%QYqN<P_|AoP^|Nii+D1OPe5VyDskG9X=2RA2El?=bK"
        "d$LJoUAF%0FKFbX}A(3-Ibs!wy6;N82|tP00000oVI)vUjo`9iLZkXY5%)%$>)lUW~nH+4OG-8>>r6Z*3~t4KNJTM`8#sBO43E<2@5^?1cq("
        "K@&"
    ),
}


def write_networks(folder: Path, *names: str) -> dict[str, str]:
    """Write `net`, or `backbone` and `neckhead`; name -> path."""
    paths = {}
    for name in names:
        path = folder / f"{name}.onnx"
        path.write_bytes(zlib.decompress(base64.b85decode(_PACKED[name])))
        paths[name] = str(path)
    return paths
