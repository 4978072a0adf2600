/**
 * Application identifiers in the notation of the GS1 Syntax Dictionary: format of each part with its checks, AIs that may
 * not stand beside it (ex), AIs of which one must (req; + joins those needed together), title. GS1 General Specifications.
 */
export const dictionary = `
00  N18,csum,gcppos2  # SSCC
01  N14,csum,gcppos2 ex=255,37  # GTIN
02  N14,csum,gcppos2 ex=01,03 req=37  # CONTENT
03  N14,csum,gcppos2 ex=01,02,37  # MTO GTIN
10  X1..20 req=01,02,03,8006,8026  # BATCH/LOT
11  N6,yymmd0 req=01,02,03,8006,8026  # PROD DATE
12  N6,yymmd0 req=8020  # DUE DATE
13  N6,yymmd0 req=01,02,03,8006,8026  # PACK DATE
15  N6,yymmd0 req=01,02,03,8006,8026  # BEST BEFORE or BEST BY
16  N6,yymmd0 req=01,02,03,8006,8026  # SELL BY
17  N6,yymmd0 req=01,02,03,255,8006,8026  # USE BY or EXPIRY
20  N2 req=01,02,8006,8026  # VARIANT
21  X1..20 ex=235 req=01,03,8006  # SERIAL
22  X1..20 req=01  # CPV
235  X1..28 req=01  # TPX
240  X1..30 req=01,02,8006,8026  # ADDITIONAL ID
241  X1..30 req=01,02,8006,8026  # CUST. PART No.
242  N1..6 req=01,02,8006,8026  # MTO VARIANT
243  X1..20 req=01  # PCN
250  X1..30 req=01,8006 req=21  # SECONDARY SERIAL
251  X1..30 req=01,8006  # REF. TO SOURCE
253  N13,csum,gcppos1 [X1..17]  # GDTI
254  X1..20 req=414  # GLN EXTENSION COMPONENT
255  N13,csum,gcppos1 [N1..12] ex=01,02,415,8006,8020,8026  # GCN
30  N1..8 req=01,02  # VAR. COUNT
3100-3105  N6 ex=310n req=01,02  # NET WEIGHT (kg)
3110-3115  N6 ex=311n req=01,02  # LENGTH (m)
3120-3125  N6 ex=312n req=01,02  # WIDTH (m)
3130-3135  N6 ex=313n req=01,02  # HEIGHT (m)
3140-3145  N6 ex=314n req=01,02  # AREA (m²)
3150-3155  N6 ex=315n req=01,02  # NET VOLUME (l)
3160-3165  N6 ex=316n req=01,02  # NET VOLUME (m³)
3200-3205  N6 ex=320n req=01,02  # NET WEIGHT (lb)
3210-3215  N6 ex=321n req=01,02  # LENGTH (in)
3220-3225  N6 ex=322n req=01,02  # LENGTH (ft)
3230-3235  N6 ex=323n req=01,02  # LENGTH (yd)
3240-3245  N6 ex=324n req=01,02  # WIDTH (in)
3250-3255  N6 ex=325n req=01,02  # WIDTH (ft)
3260-3265  N6 ex=326n req=01,02  # WIDTH (yd)
3270-3275  N6 ex=327n req=01,02  # HEIGHT (in)
3280-3285  N6 ex=328n req=01,02  # HEIGHT (ft)
3290-3295  N6 ex=329n req=01,02  # HEIGHT (yd)
3300-3305  N6 ex=330n req=00,01  # GROSS WEIGHT (kg)
3310-3315  N6 ex=331n req=00,01  # LENGTH (m), log
3320-3325  N6 ex=332n req=00,01  # WIDTH (m), log
3330-3335  N6 ex=333n req=00,01  # HEIGHT (m), log
3340-3345  N6 ex=334n req=00,01  # AREA (m²), log
3350-3355  N6 ex=335n req=00,01  # VOLUME (l), log
3360-3365  N6 ex=336n req=00,01  # VOLUME (m³), log
3370-3375  N6 ex=337n req=01  # KG PER m²
3400-3405  N6 ex=340n req=00,01  # GROSS WEIGHT (lb)
3410-3415  N6 ex=341n req=00,01  # LENGTH (in), log
3420-3425  N6 ex=342n req=00,01  # LENGTH (ft), log
3430-3435  N6 ex=343n req=00,01  # LENGTH (yd), log
3440-3445  N6 ex=344n req=00,01  # WIDTH (in), log
3450-3455  N6 ex=345n req=00,01  # WIDTH (ft), log
3460-3465  N6 ex=346n req=00,01  # WIDTH (yd), log
3470-3475  N6 ex=347n req=00,01  # HEIGHT (in), log
3480-3485  N6 ex=348n req=00,01  # HEIGHT (ft), log
3490-3495  N6 ex=349n req=00,01  # HEIGHT (yd), log
3500-3505  N6 ex=350n req=01,02  # AREA (in²)
3510-3515  N6 ex=351n req=01,02  # AREA (ft²)
3520-3525  N6 ex=352n req=01,02  # AREA (yd²)
3530-3535  N6 ex=353n req=00,01  # AREA (in²), log
3540-3545  N6 ex=354n req=00,01  # AREA (ft²), log
3550-3555  N6 ex=355n req=00,01  # AREA (yd²), log
3560-3565  N6 ex=356n req=01,02  # NET WEIGHT (troy oz)
3570-3575  N6 ex=357n req=01,02  # NET WEIGHT or VOLUME (oz)
3600-3605  N6 ex=360n req=01,02  # NET VOLUME (qt)
3610-3615  N6 ex=361n req=01,02  # NET VOLUME (gal)
3620-3625  N6 ex=362n req=00,01  # VOLUME (qt), log
3630-3635  N6 ex=363n req=00,01  # VOLUME (gal), log
3640-3645  N6 ex=364n req=01,02  # VOLUME (in³)
3650-3655  N6 ex=365n req=01,02  # VOLUME (ft³)
3660-3665  N6 ex=366n req=01,02  # VOLUME (yd³)
3670-3675  N6 ex=367n req=00,01  # VOLUME (in³), log
3680-3685  N6 ex=368n req=00,01  # VOLUME (ft³), log
3690-3695  N6 ex=369n req=00,01  # VOLUME (yd³), log
37  N1..8 req=00 req=02,8026  # COUNT
3900-3909  N1..15 ex=390n,391n,394n,8111 req=255,8020  # AMOUNT
3910-3919  N3,iso4217 N1..15 ex=391n req=8020  # AMOUNT (ISO)
3920-3929  N1..15 ex=392n,393n req=01 req=30,31nn,32nn,35nn,36nn  # PRICE
3930-3939  N3,iso4217 N1..15 ex=393n req=30,31nn,32nn,35nn,36nn  # PRICE (ISO)
3940-3943  N4 ex=394n,8111 req=255  # PRCNT OFF
3950-3955  N6 ex=392n,393n,395n,8005 req=30,31nn,32nn,35nn,36nn  # PRICE/UoM
400  X1..30  # ORDER NUMBER
401  X1..30,gcppos1  # GINC
402  N17,csum,gcppos1  # GSIN
403  X1..30 req=00  # ROUTE
410  N13,csum,gcppos1  # SHIP TO LOC
411  N13,csum,gcppos1  # BILL TO
412  N13,csum,gcppos1  # PURCHASE FROM
413  N13,csum,gcppos1  # SHIP FOR LOC
414  N13,csum,gcppos1  # LOC No.
415  N13,csum,gcppos1 req=8020  # PAY TO
416  N13,csum,gcppos1  # PROD/SERV LOC
417  N13,csum,gcppos1  # PARTY
420  X1..20 ex=421  # SHIP TO POST
421  N3,iso3166 X1..9 ex=4307  # SHIP TO POST (ISO)
422  N3,iso3166 ex=426 req=01,02,8006,8026  # ORIGIN
423  N3,iso3166 [N3,iso3166] [N3,iso3166] [N3,iso3166] [N3,iso3166] ex=426 req=01,02  # COUNTRY - INITIAL PROCESS
424  N3,iso3166 ex=426 req=01,02  # COUNTRY - PROCESS
425  N3,iso3166 [N3,iso3166] [N3,iso3166] [N3,iso3166] [N3,iso3166] ex=426 req=01,02  # COUNTRY - DISASSEMBLY
426  N3,iso3166 req=01,02  # COUNTRY - FULL PROCESS
427  X1..3 req=01,02 req=422  # ORIGIN SUBDIVISION
4300  X1..35,pcenc req=00  # SHIP TO COMP
4301  X1..35,pcenc req=00  # SHIP TO NAME
4302  X1..70,pcenc req=00  # SHIP TO ADD1
4303  X1..70,pcenc req=4302  # SHIP TO ADD2
4304  X1..70,pcenc req=00  # SHIP TO SUB
4305  X1..70,pcenc req=00  # SHIP TO LOC
4306  X1..70,pcenc req=00  # SHIP TO REG
4307  X2,iso3166alpha2 req=00  # SHIP TO COUNTRY
4308  X1..30 req=00  # SHIP TO PHONE
4309  N10,latitude N10,longitude req=00  # SHIP TO GEO
4310  X1..35,pcenc req=00  # RTN TO COMP
4311  X1..35,pcenc req=00  # RTN TO NAME
4312  X1..70,pcenc req=00  # RTN TO ADD1
4313  X1..70,pcenc req=4312  # RTN TO ADD2
4314  X1..70,pcenc req=00  # RTN TO SUB
4315  X1..70,pcenc req=00  # RTN TO LOC
4316  X1..70,pcenc req=00  # RTN TO REG
4317  X2,iso3166alpha2 req=00  # RTN TO COUNTRY
4318  X1..20 req=00  # RTN TO POST
4319  X1..30 req=00  # RTN TO PHONE
4320  X1..35,pcenc req=00  # SRV DESCRIPTION
4321  N1,yesno req=00  # DANGEROUS GOODS
4322  N1,yesno req=00  # AUTH LEAVE
4323  N1,yesno req=00  # SIG REQUIRED
4324  N6,yymmd0 N4,hhmi req=00  # NBEF DEL DT
4325  N6,yymmd0 N4,hhmi req=00  # NAFT DEL DT
4326  N6,yymmdd req=00  # REL DATE
4330  N6 [X1,hyphen] ex=4331 req=00  # MAX TEMP F
4331  N6 [X1,hyphen] ex=4330 req=00  # MAX TEMP C
4332  N6 [X1,hyphen] ex=4333 req=00  # MIN TEMP F
4333  N6 [X1,hyphen] ex=4332 req=00  # MIN TEMP C
7001  N13 req=01,02,8006,8026  # NSN
7002  X1..30 req=01,02  # MEAT CUT
7003  N6,yymmdd N4,hhmi req=01,02  # EXPIRY TIME
7004  N1..4 req=01+10  # ACTIVE POTENCY
7005  X1..12 req=01,02  # CATCH AREA
7006  N6,yymmdd req=01,02  # FIRST FREEZE DATE
7007  N6,yymmdd [N6,yymmdd] req=01,02  # HARVEST DATE
7008  X1..3 req=01,02  # AQUATIC SPECIES
7009  X1..10 req=01,02  # FISHING GEAR TYPE
7010  X1..2 req=01,02  # PROD METHOD
7011  N6,yymmdd [N4,hhmi] req=01,02  # TEST BY DATE
7020  X1..20 req=01,8006 req=416  # REFURB LOT
7021  X1..20 req=01,8006  # FUNC STAT
7022  X1..20 req=7021  # REV STAT
7023  X1..30,gcppos1  # GIAI - ASSEMBLY
7030-7039  N3,iso3166999 X1..27 req=01,02  # PROCESSOR
7040  N1 X1 X1 X1,importeridx  # UIC+EXT
7041  X1..4,packagetype req=00  # UFRGT UNIT TYPE
710  X1..20 req=01  # NHRN PZN
711  X1..20 req=01  # NHRN CIP
712  X1..20 req=01  # NHRN CN
713  X1..20 req=01  # NHRN DRN
714  X1..20 req=01  # NHRN AIM
715  X1..20 req=01  # NHRN NDC
716  X1..20 req=01  # NHRN AIC
717  X1..20 req=01  # NHRN
7230-7239  X2 X1..28 req=01,8004  # CERT
7240  X1..20 req=01,8006  # PROTOCOL
7241  N2,mediatype req=8017,8018  # AIDC MEDIA TYPE
7242  X1..25 req=8017,8018  # VCN
7250  N8,yyyymmdd ex=7251 req=8018  # DOB
7251  N8,yyyymmdd N4,hhmi ex=7250 req=8018  # DOB TIME
7252  N1,iso5218 req=8018  # BIO SEX
7253  X1..40,pcenc ex=7256,7259 req=8017,8018  # FAMILY NAME
7254  X1..40,pcenc ex=7256,7259 req=8017,8018  # GIVEN NAME
7255  X1..10 ex=7256,7259 req=8017,8018  # SUFFIX
7256  X1..90,pcenc req=8017,8018  # FULL NAME
7257  X1..70,pcenc req=8018  # PERSON ADDR
7258  X3,posinseqslash req=8018+7259  # BIRTH SEQUENCE
7259  X1..40,pcenc ex=7256 req=8018  # BABY
8001  N4,nonzero N5,nonzero N3,nonzero N1,winding N1 req=01  # DIMENSIONS
8002  X1..20  # CMT No.
8003  N1,zero N13,csum,gcppos1 [X1..16]  # GRAI
8004  X1..30,gcppos1  # GIAI
8005  N6 req=01,02  # PRICE PER UNIT
8006  N14,csum,gcppos2 N4,pieceoftotal ex=01,37  # ITIP
8007  X1..34,iban req=415  # IBAN
8008  N6,yymmdd N2,hh [N2,mi] [N2,ss] req=01,02  # PROD TIME
8009  X1..50 req=00,01  # OPTSEN
8010  Y1..30,gcppos1  # CPID
8011  N1..12,nozeroprefix req=8010  # CPID SERIAL
8012  X1..20 req=01,8006  # VERSION
8013  X1..25,csumalpha,gcppos1  # GMN
8014  X1..25,csumalpha,gcppos1,hasnondigit req=01  # MUDI
8017  N18,csum,gcppos1 ex=8018  # GSRN - PROVIDER
8018  N18,csum,gcppos1 ex=8017  # GSRN - RECIPIENT
8019  N1..10 req=8017,8018  # SRIN
8020  X1..25 req=415  # REF No.
8026  N14,csum,gcppos2 N4,pieceoftotal ex=02,8006 req=37  # ITIP CONTENT
8030  Z1..90 req=00,01+21,253,255,8003,8004,8006+21,8010+8011,8017,8018  # DIGSIG
8040  N15 req=01+21  # MOBILE DEVICE ID
8041  N15 req=01+21+8040  # MOBILE DEVICE ID 2
8042  N32 req=01+21+8040  # eUICC ID
8043  N18 [N1..2] req=01+21+8040  # SIM ICCID
8110  X1..70,couponcode  # COUPON
8111  N4 req=255  # POINTS
8112  X1..70,couponposoffer  # COUPON (POS OFFER)
8200  X1..70 req=01  # PRODUCT URL
90  X1..30  # INTERNAL
91-99  X1..90  # INTERNAL
`;
